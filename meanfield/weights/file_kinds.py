"""Files of weights that are not read, and how their contents become arrays in Python."""

import os
import zipfile
from contextlib import suppress

KERAS = "a Keras or HDF5 file", "keras.models.load_model({path}).get_weights()"
#: By suffix: what such a file is, and the call that reads it.
BY_SUFFIX = {
    **dict.fromkeys((".pt", ".pth", ".ckpt"), ("a PyTorch file", "torch.load({path}, weights_only=True)")),
    ".bin": ("a PyTorch file or raw numbers", "torch.load({path}, weights_only=True)"),
    ".safetensors": ("a safetensors file", "safetensors.numpy.load_file({path})"),
    **dict.fromkeys((".keras", ".h5", ".hdf5"), KERAS),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), ("a pickle, which may run code", "")),
    **dict.fromkeys((".txt", ".dat"), ("a text file", "numpy.loadtxt({path})")),
    ".csv": ("a text file", "numpy.loadtxt({path}, delimiter=',')"),
    ".mat": ("a MATLAB file", "scipy.io.loadmat({path})"),
    ".msgpack": ("a Flax file", "flax.serialization.msgpack_restore(open({path}, 'rb').read())"),
    ".gguf": ("a GGUF file of quantised weights", ""),
    ".onnx": ("an ONNX file", ""),
}
READ = (".npy", ".npz")
LONGEST = 80  # characters of a path in a message


def names_file(text: str) -> bool:
    """Whether a text is the name of a file of weights, of a kind that is read or of another one.

    Examples
    --------
    >>> names_file("mlp.pt"), names_file("net.npz"), names_file("he_normal"), names_file("gpt2")
    (True, True, False, False)
    """
    return os.path.splitext(text)[1].lower() in (*READ, *BY_SUFFIX)


def not_read(path: str) -> str:
    """The sentence about a file that NumPy cannot read as plain arrays; "" if its kind is not known.

    Examples
    --------
    >>> not_read("mlp.safetensors")
    "'mlp.safetensors' is a safetensors file, and only .npy and .npz files are read: give safetensors.numpy..."
    """
    suffix = os.path.splitext(path)[1].lower()
    kind, call = BY_SUFFIX.get(_suffix_of_contents(path) or suffix, ("", ""))
    if not kind:
        return ""
    told = path if len(path) <= LONGEST else f"…{path[-LONGEST:]}"
    give = f"give {call.format(path=repr(os.path.basename(path)[-LONGEST:]))} in Python, or write" if call else "write"
    return f"{told!r} is {kind}, and only .npy and .npz files are read: {give} the arrays with numpy.savez"


def _suffix_of_contents(path: str) -> str:
    """The usual suffix of a file with these first bytes; "" if they do not tell."""
    head = b""
    with suppress(OSError, ValueError), open(path, "rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        with suppress(Exception), zipfile.ZipFile(path) as archive:  # damaged archives raise a dozen kinds
            names = archive.namelist()
            if any(name.endswith("data.pkl") for name in names):
                return ".pt"
            if "config.json" in names:
                return ".keras"
        return ""
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32:
        return ".safetensors"
    for start, suffix in ((b"\x89HDF", ".h5"), (b"\x80", ".pkl"), (b"GGUF", ".gguf"), (b"MATLAB", ".mat")):
        if head.startswith(start):
            own = os.path.splitext(path)[1].lower()
            return own if suffix == ".pkl" and own in (".pt", ".pth", ".ckpt", ".bin") else suffix
    if head and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return ".csv" if b"," in head else ".txt"
    return ""
