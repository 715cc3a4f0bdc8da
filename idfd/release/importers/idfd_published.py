"""iDFD as published: two variants, two branches, three modalities, one stem per take.

``Data/{Raw,Processed}/{inpainting,without_inpainting}/{All_In_Focus,Out_Of_Focus,Depth}/
<Scene>_<k>.<ext>``. The two branches are different sets of crops, so one is imported at a
time. The encoding of the processed depth is not documented and 8-bit maps were stretched per
image: a map that cannot be millimetres is never called metric, its take is left out and named.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args

from idfd.errors import InputError
from idfd.model.camera import CameraSettings
from idfd.model.capture import Collection, Role, Scene, Take
from idfd.model.provenance import FileReference, provenance
from idfd.release.importers.audit import (
    Audit,
    Content,
    Inspection,
    files_under,
    inspect_all,
    listing,
    settle_take,
)

Variant = Literal["Raw", "Processed"]
Branch = Literal["inpainting", "without_inpainting"]
MODALITIES = ("All_In_Focus", "Out_Of_Focus", "Depth")
LAYOUT = (
    "Data/{Raw,Processed}/{inpainting,without_inpainting}/{All_In_Focus,Out_Of_Focus,Depth}/"
    "<Scene>_<k>.{jpg,png}"
)
ENVIRONMENTS = {
    "bed": "bedroom",
    "living": "living room",
    "kitchen": "kitchen",
    "lab": "laboratory",
    "museum": "museum",
}
_NAME = re.compile(r"^(?P<scene>.+)_\d+$")
_SUFFIXES = {
    "All_In_Focus": {".jpg", ".jpeg", ".png"},
    "Out_Of_Focus": {".jpg", ".jpeg", ".png"},
    "Depth": {".png"},
}


def read(source: Path, variant: Variant = "Raw", branch: Branch = "inpainting") -> Collection:
    """Read one variant and branch of the dataset.

    Args:
        source: The folder that holds ``Data``, or ``Data`` itself.
        variant: ``Raw`` crops of about 1050 x 1050 or ``Processed`` ones of 640 x 480.
        branch: ``inpainting`` (depth filled without a record of where) or
            ``without_inpainting``.

    Returns:
        Takes without splits: none were published. A scene is the file name before its last
        ``_`` and is its own group. Every file that no take uses is named in the audit; the
        other variants and branches by folder.

    Raises:
        InputError: An unknown variant or branch, a folder without the layout, or no usable take.
    """
    for option, value, allowed in (
        ("variant", variant, get_args(Variant)),
        ("branch", branch, get_args(Branch)),
    ):
        if value not in allowed:
            raise InputError(f"{option} is '{value}'", limit=" or ".join(allowed))
    base = source / "Data" if (source / "Data").is_dir() else source
    folder = base / variant / branch
    missing = [name for name in MODALITIES if not (folder / name).is_dir()]
    if missing:
        raise InputError(
            f"{variant}/{branch}/ with {', '.join(missing)} inside not found; "
            f"{'Data' if base != source else 'the folder'} holds {listing(base)}",
            where=source,
            limit=LAYOUT,
            remedy="Give the folder that holds Data, or choose another variant or branch",
        )
    audit = Audit(source)
    _note_other_parts(base, folder, audit)
    stems = {name: _stems(folder / name, _SUFFIXES[name]) for name in MODALITIES}
    complete = sorted(set.intersection(*(set(found) for found in stems.values())), key=_natural)
    for by_stem in stems.values():
        for stem in sorted(by_stem.keys() - set(complete)):
            absent = [other for other in MODALITIES if stem not in stems[other]]
            reason = f"there is no {' and no '.join(absent)} '{stem}'"
            audit.add("orphan", [by_stem[stem]], reason)
    kinds: dict[Path, Content] = {
        stems[name][stem]: "depth" if name == "Depth" else "photo"
        for name in MODALITIES
        for stem in complete
    }
    seen = inspect_all(kinds, source)
    takes: dict[str, Take] = {}
    for stem in complete:
        files = {name: seen[stems[name][stem]] for name in MODALITIES}
        if settle_take(audit, stem, files):
            name = _identifier(stem)
            while name in takes:
                # "Room a_1" and "Room-a_1" are two takes whose ids would be one.
                name += "-2"
            takes[name] = _take(name, stem, files, branch)
    entries = audit.close(f"not part of the layout {LAYOUT}, or a second file of its stem")
    if not takes:
        reasons = "; ".join(f"{entry.path}: {entry.reason}" for entry in entries[:3])
        raise InputError(
            f"no take can be used ({len(entries)} findings, such as {reasons or 'no files'})",
            where=folder,
            limit=LAYOUT,
        )
    scenes = sorted({take.scene for take in takes.values()})
    return Collection(
        name="idfd_published",
        title=f"iDFD as published, {variant}/{branch}",
        licence='unclear: "UPB license" in one README, CC BY-NC-SA 4.0 in another; ask the authors',
        citation=(
            "S. Nazir, Z. Qiu, D. Coltuc, J. Martínez-Sánchez, P. Arias: iDFD: A Dataset "
            "Annotated for Depth and Defocus. SCIA, 2023"
        ),
        root=str(source),
        scenes=tuple(
            Scene(name=name, group=name, environment=guess_environment(name)) for name in scenes
        ),
        takes=tuple(takes.values()),
        audit=entries,
        provenance=provenance({"importer": "idfd_published", "variant": variant, "branch": branch}),
    )


def guess_environment(scene: str) -> str:
    """Environment from a scene's name, by the words in :data:`ENVIRONMENTS`, else "unknown".

    The dataset says nothing about it but in its names; "Apartment1" could be any room.
    """
    words = re.split(r"[^a-z]+", scene.lower())
    for key, environment in ENVIRONMENTS.items():
        if any(word.startswith(key) for word in words):
            return environment
    return "unknown"


def _note_other_parts(base: Path, chosen: Path, audit: Audit) -> None:
    for variant in get_args(Variant):
        for branch in get_args(Branch):
            other = base / variant / branch
            if other == chosen or not other.is_dir():
                continue
            # A dataset holds thousands of them: one entry by folder says as much.
            files = files_under(other)
            audit.use(files)
            if files:
                reason = (
                    f"its {len(files)} files are another set; import it with "
                    f"variant={variant}, branch={branch}"
                )
                audit.add("unexpected", [other], reason)


def _stems(folder: Path, suffixes: set[str]) -> dict[str, Path]:
    """Files by stem; a second file of a stem stays unsettled and is named by the audit."""
    found: dict[str, Path] = {}
    for path in files_under(folder):
        fits = path.parent == folder and path.suffix.lower() in suffixes
        if fits and _NAME.match(path.stem):
            found.setdefault(path.stem, path)
    return found


def _natural(stem: str) -> list[tuple[int, str]]:
    # The indices are not padded with zeros: 2 comes before 10.
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", stem)]


def _take(name: str, stem: str, files: dict[str, Inspection], branch: Branch) -> Take:
    filled = branch == "inpainting"
    roles: dict[str, Role] = {
        "All_In_Focus": "all_in_focus",
        "Out_Of_Focus": "defocused",
        "Depth": "depth_inpainted" if filled else "depth",
    }
    references: dict[Role, FileReference] = {}
    for modality, found in files.items():
        assert found.reference is not None
        references[roles[modality]] = found.reference
    match = _NAME.match(stem)
    return Take(
        id=name,
        scene=_identifier(match["scene"] if match else stem),
        files=references,
        all_in_focus=CameraSettings(f_number=10.0, focal_length_mm=14.0),
        defocused=CameraSettings(f_number=2.8, focal_length_mm=14.0),
        depth_filled=filled,
    )


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name).lstrip("_.-")[:110] or "unnamed"
