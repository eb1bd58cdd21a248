"""``python -m provenance.worker``."""

import uvloop

from provenance.settings import Settings
from provenance.wiring.logging import set_up_logging
from provenance.worker.process import serve

if __name__ == "__main__":
    set_up_logging()
    uvloop.run(serve(Settings()))
