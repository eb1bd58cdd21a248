"""The reference for people at ``/docs``: one page without scripts and without third parties."""

import re
from html import escape
from typing import Any, Final

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code{font:14px ui-monospace,monospace}h2{margin-top:2.5rem;border-bottom:1px solid #8888}
details{margin:.4rem 0;padding:.2rem .6rem;border-left:3px solid #8888}
summary{cursor:pointer}table{border-collapse:collapse;margin:.5rem 0}
td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}
"""
_CODE: Final = re.compile(r"(`{1,2})(.+?)\1")


def reference_page(description: dict[str, Any]) -> bytes:
    """HTML of an OpenAPI description."""
    info = description["info"]
    sections: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            sections.setdefault(operation["tags"][0], []).append(
                _operation(path, method, operation, description["components"]["schemas"])
            )
    body = "".join(
        f"<h2>{escape(tag)}</h2>{''.join(operations)}" for tag, operations in sections.items()
    )
    introduction = "".join(
        f"<p>{_text(part)}</p>" for part in info["description"].strip().split("\n\n")
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>{introduction}"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>{body}</body></html>'
    ).encode()


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    roles = operation.get("x-roles")
    who = f"roles: {', '.join(roles)}" if roles else "anybody, without a key"
    parameters = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{_text(one['description'])}</td></tr>"
        for one in operation.get("parameters", ())
    )
    answers = "".join(
        f"<tr><td><code>{escape(status)}</code></td><td>{_text(answer['description'])}</td></tr>"
        for status, answer in sorted(operation["responses"].items())
    )
    return (
        f"<details><summary><code>{method.upper()} {escape(path)}</code> "
        f"{_text(operation['summary'])}</summary><p>{_text(operation['description'])}</p>"
        f"<p>{escape(who)}</p><table>{parameters}</table>{_body(operation, schemas)}"
        f"<table>{answers}</table></details>"
    )


def _body(operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What a request carries: each of its possible forms with its members."""
    body = operation.get("requestBody")
    if body is None:
        return ""
    types = ", ".join(f"<code>{escape(media_type)}</code>" for media_type in body["content"])
    schema = next(iter(body["content"].values()))["schema"]
    forms = " or ".join(_form(form, schemas) for form in schema.get("anyOf", [schema]))
    return f"<p>Body: {types}</p>{forms}"


def _form(form: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "$ref" not in form:
        # Bytes, which have no members.
        return ""
    name = form["$ref"].rpartition("/")[2]
    schema = schemas[name]
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(member)}</code></td><td>{_kind(value)}</td>"
        f"<td>{'required' if member in required else ''}</td>"
        f"<td>{_text(value.get('description', ''))}</td></tr>"
        for member, value in schema.get("properties", {}).items()
    )
    return f"<p>{escape(name)}: {_text(schema.get('description', ''))}</p><table>{rows}</table>"


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: its values, its type, or the name of what it refers to."""
    if "$ref" in schema:
        return escape(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("type", "any")))


def _text(text: str) -> str:
    """Text with its code, between one or two backticks, as HTML."""
    return _CODE.sub(r"<code>\2</code>", escape(" ".join(text.split())))
