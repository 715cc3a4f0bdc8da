"""Download the datasets that have a stable public address and a published checksum.

A cut download goes on where it stopped, over as many runs as it takes. A file gets its name only
after its checksum was right, so what stands under the name is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from idfd.errors import InputError, StorageError
from idfd.progress import track
from idfd.storage.durable import make_folder, storage_error, sync

CHUNK = 1 << 20
TIMEOUT_S = 60.0
_PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 206, 416


@dataclass(frozen=True)
class RemoteFile:
    """A file at a public address.

    Attributes:
        part: What it holds, to choose by; such as ``val``.
        url: Its address. The checksum, not the protocol, says that the content is right.
        md5: Its published checksum, 32 hexadecimal digits.
    """

    part: str
    url: str
    md5: str

    @property
    def name(self) -> str:
        """Of the file on disk."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class DatasetSource:
    """Where a dataset is to be had.

    Attributes:
        files: Those that can be downloaded; empty where there is no stable address, or no
            published checksum.
        instructions: What the reader does: where to ask, or what to do with the files.
    """

    files: tuple[RemoteFile, ...]
    instructions: str


_NYU = "http://horatio.cs.nyu.edu/mit/silberman"
_DIODE = "https://diode-dataset.s3.amazonaws.com"
_DMENET = (
    "Download the datasets.zip that https://github.com/codeslake/DMENet links to, unpack it, and "
    "give the folder that holds train and test"
)

SOURCES: dict[str, DatasetSource] = {
    "nyu_depth_v2": DatasetSource(
        (
            RemoteFile(
                "labeled", f"{_NYU}/nyu_depth_v2/nyu_depth_v2_labeled.mat",
                "520609c519fba3ba5ac58c8fefcc3530",
            ),
            RemoteFile(
                "splits", f"{_NYU}/indoor_seg_sup/splits.mat",
                "08e3c3aea27130ac7c01ffd739a4535f",
            ),
        ),
        "Import the folder as it is",
    ),
    "diode": DatasetSource(
        (
            RemoteFile(
                "val", f"{_DIODE}/val.tar.gz",
                "5c895d09201b88973c8fe4552a67dd85",
            ),
            RemoteFile(
                "train", f"{_DIODE}/train.tar.gz",
                "3a94632398fe1d002d89f11743f748b1",
            ),
        ),
        "Unpack with 'tar xzf' and import the folder that holds val and train",
    ),
    "make3d": DatasetSource(
        (),
        "No checksums are published. Download Train400Img.tar.gz, Train400Depth.tgz, "
        "Test134.tar.gz and Test134Depth.tar.gz, linked at http://make3d.cs.cornell.edu/data.html, "
        "and unpack them into one folder",
    ),
    "ddff12": DatasetSource(
        (),
        "Follow the download link at https://hazirbas.com/projects/ddff/ and give the folder that "
        "holds ddff-dataset-trainval.h5",
    ),
    "dpdd": DatasetSource(
        (),
        "Download the Canon set (16-bit PNG) that "
        "https://github.com/Abdullah-Abuolaim/defocus-deblurring-dual-pixel links to, unpack it, "
        "and give the folder that holds train_c, val_c and test_c",
    ),
    "syndof": DatasetSource((), _DMENET),
    "rtf": DatasetSource((), _DMENET),
    "cuhk": DatasetSource((), _DMENET),
    "ded": DatasetSource(
        (),
        "Download the dataset that https://github.com/xytmhy/DID-ANet-Defocus-Deblurring links to, "
        "unpack it, and give the folder that holds image, sharp and filtered",
    ),
    "dfd_indoor": DatasetSource(
        (),
        "Clone https://github.com/marcelampc/d3net_depth_estimation and give its folder "
        "dfd_datasets/dfd_indoor",
    ),
    "idfd_published": DatasetSource(
        (),
        "Clone https://github.com/saqibnaziir/iDFD and give the folder that holds Data",
    ),
}  # fmt: skip
"""Datasets by the names of their importers."""


def dataset_source(name: str) -> DatasetSource:
    """Where a dataset is to be had.

    Args:
        name: Of its importer; ``-`` stands for ``_``.

    Raises:
        InputError: There is no importer of that name.
    """
    key = name.lower().replace("-", "_")
    if key not in SOURCES:
        raise InputError(f"there is no dataset '{name}'", limit=f"one of {', '.join(SOURCES)}")
    return SOURCES[key]


def download_dataset(name: str, output: Path, parts: tuple[str, ...] = ()) -> list[Path]:
    """Download the files of a dataset; files that stand there already are checked and kept.

    Args:
        name: Of the dataset.
        output: The folder for its files; it is made where missing.
        parts: Which parts; all by default.

    Returns:
        The files, each with the right checksum.

    Raises:
        InputError: No such dataset or part, or the dataset has no public address; the error says
            how to get it.
        StorageError: The disk or the network fails, or a checksum is wrong.
    """
    source = dataset_source(name)
    if not source.files:
        raise InputError(
            f"{name} has no stable public address with a checksum", remedy=source.instructions
        )
    known = [file.part for file in source.files]
    for part in parts:
        if part not in known:
            raise InputError(f"{name} has no part '{part}'", limit=f"one of {', '.join(known)}")
    wanted = [file for file in source.files if not parts or file.part in parts]
    return [download_file(file, output) for file in wanted]


def download_file(file: RemoteFile, folder: Path) -> Path:
    """Download one file into a folder, or go on with what stands there.

    Raises:
        StorageError: As for :func:`download_dataset`.
    """
    make_folder(folder)
    target = folder / file.name
    if target.exists():
        _check(target, file)
        return target
    partial = folder / f"{file.name}.partial"
    while not _append(file, partial):
        pass  # what was got is kept, and each attempt adds to it or raises
    try:
        _check(partial, file)
    except StorageError:
        partial.unlink()  # going on with it would never help
        raise
    try:
        sync(partial)
        os.replace(partial, target)
        sync(folder)
    except OSError as error:
        raise storage_error(error, target) from error
    return target


def _append(file: RemoteFile, partial: Path) -> bool:
    """Get what is missing of a file; tell whether that was all.

    Raises:
        StorageError: The file is no longer than before, or it cannot be written.
    """
    before = start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={start}-"})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and start:
            return True  # there is no more; the checksum tells whether it is right
        raise _network_error(f"the server answers {error.code} {error.reason}", file) from None
    except (OSError, HTTPException) as error:
        raise _network_error(str(error), file) from None
    with response:
        # A server that knows no ranges sends the whole file from the start.
        start = start if response.status == _PARTIAL_CONTENT else 0
        length = int(response.headers.get("Content-Length") or 0)
        _check_space(partial.parent, length, file)
        try:
            with partial.open("ab" if start else "wb") as out:
                chunks = track(_chunks(response), -(-length // CHUNK), f"download {file.name}")
                got = sum(out.write(chunk) for chunk in chunks)
        except OSError as error:
            raise storage_error(error, partial) from error
    if got < length and start + got <= before:
        raise _network_error(f"the connection broke after {start + got} bytes", file)
    return got >= length


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    """The body in pieces of :data:`CHUNK` bytes, up to where the connection breaks."""
    while True:
        try:
            chunk = response.read(CHUNK)
        except (OSError, HTTPException):
            return
        if not chunk:
            return
        yield chunk


def _check_space(folder: Path, needed: int, file: RemoteFile) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{file.name} needs {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free",
            where=folder,
            remedy="Free some space or choose another folder with -o",
        )


def _check(path: Path, file: RemoteFile) -> None:
    found = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            found.update(chunk)
    if found.hexdigest() != file.md5:
        raise StorageError(
            f"the checksum is wrong (MD5 {found.hexdigest()})",
            where=path,
            limit=f"MD5 {file.md5}, as published",
            remedy="Remove the file where it stands, and run the command again",
        )


def _network_error(reason: str, file: RemoteFile) -> StorageError:
    return StorageError(
        f"cannot be downloaded ({reason})",
        where=file.url,
        remedy="Run the command again: it goes on where it stopped",
    )
