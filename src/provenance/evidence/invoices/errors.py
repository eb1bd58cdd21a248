"""Each way in which XML is refused, by a name of its own."""

from provenance.core.errors import FormatError


class XmlError(FormatError):
    """Root of what is wrong with XML."""

    code = "bad-xml"


class XmlSyntaxError(XmlError):
    """Not well-formed."""

    code = "xml-syntax"


class XmlTooLargeError(XmlError):
    """More bytes than are read."""

    code = "xml-too-large"


class XmlTooDeepError(XmlError):
    """Elements nested deeper than any invoice nests them."""

    code = "xml-too-deep"


class XmlTooManyError(XmlError):
    """More elements or attributes than any invoice has."""

    code = "xml-too-many"


class XmlDoctypeError(XmlError):
    """A document type declaration: what entities, bombs and outside files come in with."""

    code = "xml-doctype"


class XmlEntityError(XmlError):
    """An entity other than the five that XML itself has."""

    code = "xml-entity"


class XmlIncludeError(XmlError):
    """An inclusion of another file (XInclude)."""

    code = "xml-include"


class XmlEncodingError(XmlError):
    """An encoding other than UTF-8, UTF-16, US-ASCII and ISO-8859-1."""

    code = "xml-encoding"


class NotAnInvoiceError(XmlError):
    """XML of another kind than the invoices that are read."""

    code = "not-an-invoice"


class InvoiceError(XmlError):
    """An invoice with a value that is not what the standard allows there."""

    code = "bad-invoice"
