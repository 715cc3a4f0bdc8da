"""DFD_Indoor in its published layout (Carvalho et al., ECCV Workshops 2018).

``dfd_dataset_indoor_{N2_8,N8}/{rgb,depth}/{train,test}/<time stamp>.{JPG,png}``. How files
become views, and views become groups, is described in :mod:`idfd.release.importers.dfd_views`.
"""

from __future__ import annotations

from pathlib import Path

from idfd.errors import InputError
from idfd.model.camera import CameraSettings, Intrinsics
from idfd.model.capture import Collection, Role, Scene, Split, SplitTable, Take
from idfd.model.provenance import provenance
from idfd.release.importers.audit import (
    Audit,
    Content,
    Inspection,
    inspect_all,
    listing,
    settle_take,
)
from idfd.release.importers.dfd_views import (
    APERTURES,
    PAIR_LIMIT_S,
    SHARP,
    SPLITS,
    WIDE,
    View,
    complete_views,
    take_ids,
    view_groups,
)

LAYOUT = "dfd_dataset_indoor_{N2_8,N8}/{rgb,depth}/{train,test}/<time stamp>.{JPG,png}"
FOCAL_LENGTH_MM = 35.0
SENSOR_WIDTH_UM = 3872 * 6.05
"""Width of the Nikon D200's sensor: 3872 pixels of 6.05 um; the photos are binned 6 x 6."""


ENVIRONMENT = "office"
CITATION = (
    "M. Carvalho, B. Le Saux, P. Trouvé-Peloux, A. Almansa, F. Champagnat: Deep Depth from "
    "Defocus: how can defocus blur improve 3D estimation using dense neural networks? "
    "ECCV Workshops, 2018"
)


def read(source: Path) -> Collection:
    """Read the dataset under a folder.

    Args:
        source: The folder that holds ``dfd_dataset_indoor_N2_8`` and ``dfd_dataset_indoor_N8``.

    Returns:
        Takes with the published splits. Every other file is named in the audit.

    Raises:
        InputError: The folder does not follow the layout, or no view is complete.
    """
    missing = [name for name in APERTURES if not (source / name / "rgb").is_dir()]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} with rgb/ inside not found; the folder holds "
            f"{listing(source)}",
            where=source,
            limit=LAYOUT,
            remedy="Give the folder that holds the two aperture folders",
        )
    audit = Audit(source)
    views = [view for split in SPLITS for view in complete_views(source, split, audit)]
    files: dict[Path, Content] = {}
    for view in views:
        files |= {view.sharp: "photo", view.wide: "photo", view.depth: "depth"}
        if view.depth_copy:
            files[view.depth_copy] = "depth"
    seen = inspect_all(files, source)
    views = [view for view in views if _usable(view, seen, audit)]
    if not views:
        raise InputError(
            "no view has both photos and depth", where=source, limit=f"files named as in {LAYOUT}"
        )
    groups, grouping = view_groups(views, ENVIRONMENT)
    ids = take_ids([view.time for view in views])
    takes = [
        _take(view, name, group, seen) for view, name, group in zip(views, ids, groups, strict=True)
    ]
    return Collection(
        name="dfd_indoor",
        title="DFD_Indoor",
        licence="none stated by the authors (published for research; cite the paper)",
        citation=CITATION,
        root=str(source),
        scenes=tuple(
            Scene(name=name, group=name, environment=ENVIRONMENT) for name in sorted(set(groups))
        ),
        takes=tuple(takes),
        splits=SplitTable(
            origin="published",
            grouping=grouping,
            splits=tuple(
                Split(
                    name=split,
                    takes=tuple(
                        take.id for take, v in zip(takes, views, strict=True) if v.split == split
                    ),
                )
                for split in SPLITS
            ),
        ),
        audit=audit.close(f"not part of the layout {LAYOUT}"),
        provenance=provenance({"importer": "dfd_indoor", "pair_limit_s": PAIR_LIMIT_S}),
    )


def _usable(view: View, seen: dict[Path, Inspection], audit: Audit) -> bool:
    files = {
        "photo at f/8": seen[view.sharp],
        "photo at f/2.8": seen[view.wide],
        "depth map": seen[view.depth],
    }
    name = f"view {view.time.isoformat()}"
    usable = settle_take(audit, name, files)
    if view.depth_copy is None:
        return usable
    copy, main = seen[view.depth_copy].reference, seen[view.depth].reference
    if copy is None or main is None or copy.sha256 != main.sha256:
        reason = "differs from the depth map of the same name at f/8, which is the one used"
        audit.add("unexpected", [view.depth_copy], reason)
    elif usable:
        audit.use([view.depth_copy])
    else:
        audit.add("orphan", [view.depth_copy], f"{name} cannot be used")
    return usable


def _take(view: View, name: str, group: str, seen: dict[Path, Inspection]) -> Take:
    files: dict[Role, Path] = {
        "all_in_focus": view.sharp,
        "defocused": view.wide,
        "depth_inpainted": view.depth,
    }
    width, height = seen[view.sharp].size or (0, 0)
    pitch = SENSOR_WIDTH_UM / width
    focal = FOCAL_LENGTH_MM * 1e3 / pitch
    settings = {
        f_number: CameraSettings(
            f_number=f_number,
            focal_length_mm=FOCAL_LENGTH_MM,
            camera="Nikon D200",
        )
        for f_number in APERTURES.values()
    }
    references = {role: seen[path].reference for role, path in files.items()}
    return Take(
        id=name,
        scene=group,
        files={role: found for role, found in references.items() if found is not None},
        all_in_focus=settings[APERTURES[SHARP]],
        defocused=settings[APERTURES[WIDE]],
        intrinsics=Intrinsics(
            width=width,
            height=height,
            fx=focal,
            fy=focal,
            cx=(width - 1) / 2,
            cy=(height - 1) / 2,
            pixel_pitch_um=pitch,
            origin="nominal",
        ),
        taken_at=view.time.isoformat(),
        depth_filled=True,
    )
