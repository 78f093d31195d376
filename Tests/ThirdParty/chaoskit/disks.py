"""A node's disk: an ext4 file system of its own in a file, or a plain folder where there are no loop devices."""
import os
import shutil
import subprocess
from pathlib import Path

from .sandbox import run


class LoopDisk:
    """ext4 in a sparse file on a loop device. It can be full and it can stand still; both end when it is unmounted,
    which the kernel does with the mount namespace."""

    kind = "loop"

    def __init__(self, image, folder, megabytes):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        # No blocks reserved for root: full is full for everyone.
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        run("mount", "-o", "loop", str(image), str(self.folder))
        self._ballast = self.folder / "ballast"

    def fill(self, leave_bytes=0):
        """Takes the free space away but for so much."""
        free = shutil.disk_usage(self.folder).free - leave_bytes
        with open(self._ballast, "wb") as file:
            while free > 0:
                try:
                    os.posix_fallocate(file.fileno(), file.tell(), free)
                    return
                except OSError:
                    # The last megabytes go to the file system's own blocks; ask for less.
                    free -= 1 << 20

    def free(self):
        self._ballast.unlink(missing_ok=True)

    def freeze(self):
        """Every write and sync stands still until `thaw`; reads of what is cached go on."""
        run("fsfreeze", "--freeze", str(self.folder))

    def thaw(self):
        run("fsfreeze", "--unfreeze", str(self.folder))


class PlainFolder:
    kind = "folder"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)


def loop_devices_missing(work):
    """Why there are no loop devices here, or None; by making one."""
    if not shutil.which("mkfs.ext4"):
        return "mkfs.ext4 is not installed"
    image, folder = Path(work) / "trial.img", Path(work) / "trial"
    try:
        disk = LoopDisk(image, folder, 16)
        run("umount", str(disk.folder))
        return None
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return f"loop devices: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        image.unlink(missing_ok=True)
