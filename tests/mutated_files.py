"""Files of arrays, changed at random: bytes, members, headers of arrays and sizes in the directory of the archive."""

import io
import zipfile

NUMBERS = (b"0", b"-1", b"65535", b"4294967296", b"1" * 30, b"True", b"1e9", b"None", b"(9, 9)")
TYPES = (b"'<f8'", b"'|O'", b"'<U999999999'", b"'<c16'", b"'|V0'", b"[('a', '<f8')]", b"'<M8[s]'", b"'|b1'")


def flipped(rng, data):
    """Some bytes of other values."""
    changed = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        changed[place] ^= rng.integers(1, 256)
    return bytes(changed)


def spliced(rng, data):
    """A piece left out, doubled or moved."""
    a, b, c = sorted(rng.integers(len(data), size=3))
    return (data[:a] + data[b:], data[:b] + data[a:], data[:a] + data[b:c] + data[a:b] + data[c:])[rng.integers(3)]


def members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archived(contents, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, member in contents.items():
            archive.writestr(name, member)
    return file.getvalue()


def of_other_members(rng, data):
    """A well-formed archive, in which one member is changed, lost, empty or another one's."""
    contents = members(data)
    names = list(contents)
    one, other = (names[i] for i in rng.integers(len(names), size=2))
    kind = rng.integers(5)
    if kind == 0:
        del contents[one]
    else:
        change = (lambda: b"", lambda: contents[other], lambda: flipped(rng, contents[one]), lambda: b"\0" * 200)
        contents[one] = change[kind - 1]()
    return archived(contents, zipfile.ZIP_DEFLATED if rng.integers(2) else zipfile.ZIP_STORED)


def of_other_headers(rng, data):
    """A well-formed archive, in which one array has another shape or another type."""
    contents = members(data)
    name = list(contents)[rng.integers(len(contents))]
    head, body = contents[name][:128], contents[name][128:]
    text = head[10:]
    start = text.index(b"(") + 1 if rng.integers(2) else text.index(b": ") + 2
    end = start + min(i for i in (text[start:].find(b","), text[start:].find(b")")) if i >= 0)
    choices = NUMBERS if text[start - 1 : start] == b"(" else TYPES
    text = text[:start] + choices[rng.integers(len(choices))] + text[end:]
    contents[name] = head[:8] + len(text).to_bytes(2, "little") + text + body
    return archived(contents)


def of_other_sizes(rng, data):
    """An archive whose directory states another size, method or place of a member."""
    changed = bytearray(data)
    entries = [i for i in range(len(data)) if data.startswith(b"PK\1\2", i)]
    entry = entries[rng.integers(len(entries))]
    field, width = ((8, 2), (10, 2), (20, 4), (24, 4), (28, 2), (42, 4))[rng.integers(6)]
    value = (0, 1, 8, 100, 2**16 - 1, 10**9, 2**32 - 1)[rng.integers(7)]
    changed[entry + field : entry + field + width] = (value % 2 ** (8 * width)).to_bytes(width, "little")
    return bytes(changed)


KINDS = (flipped, spliced, of_other_members, of_other_headers, of_other_sizes)


def mutants(rng, data, count):
    """So many changed files, of each kind in turn."""
    for i in range(count):
        yield KINDS[i % len(KINDS)](rng, data)
