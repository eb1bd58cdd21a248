"""``python -m provenance.api``."""

import uvloop

from provenance.api.server import serve
from provenance.settings import Settings
from provenance.wiring.logging import set_up_logging

if __name__ == "__main__":
    set_up_logging()
    uvloop.run(serve(Settings()))
