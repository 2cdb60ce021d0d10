"""
Programs that pack and unpack.
"""

from __future__ import annotations

from typing import Final

TABLE: Final[dict[str, str]] = {
    "tar": "!raw !act=archives.tar",
    "zip": "-r/--recurse-paths -m/--move -d/--delete -x= -i= -@ -u -f -q -9 -j -P/--password="
    " -e -T/--test -TT/--unzip-command=shell -b=write -O=write -n= -t= -y -X -D -s= -o -v"
    " !act=archives.zip",
    "unzip, zipinfo, funzip": "-d= -x= -P= -o -n -l -p -q -j -t -v -u -f -c -a -C -L -Z"
    " !act=archives.unzip",
    "gzip, gunzip, pigz, unpigz, bzip2, bunzip2, pbzip2, xz, unxz, lzma, unlzma, zstd, unzstd, "
    "lz4, brotli, compress, uncompress, lzip, lzop": "-c/--stdout/--to-stdout -d/--decompress"
    " -f/--force -k/--keep -l/--list -n/--no-name -N/--name -q/--quiet -r/--recursive"
    " -S/--suffix= -t/--test -v/--verbose -T/--threads= -p/--processes= -e/--extreme -z/--compress"
    " -o=write --output=write -D=read --rm -i -m -b= -w= !act=archives.gzip",
    "7z, 7za, 7zr, 7zz": "!raw !act=archives.seven",
    "rar, unrar, unar, lsar": "-o= -d= -f -D -r -p= : _ read _*",
    "cpio": "-o/--create -i/--extract -p/--pass-through -d -m -u -v -t/--list -0/--null"
    " -F/--file=both -I=read -O=write -H/--format= -E/--pattern-file=read -D/--directory=cwd"
    " --to-stdout --rsh-command=shell --quiet !act=archives.cpio",
    "ar": "!posix : _ write read*",
    "pax": "-r -w -f=both -v -s= -x= -d -a -b= -o= -p= -z -k : read*",
    "xar, dtrx, atool, aunpack, apack": "-x -c -t -f=read -v -z -X= -l : read*",
    "restic, borg, duplicity, kopia": "!sub -r/--repo=place --password-file=read -p=read"
    " --password-command=shell --exclude= --exclude-file=read --files-from=read --tag= -n"
    " --dry-run --rsh=shell -o= --stats --progress -v",
    "restic backup, borg create, kopia create": ": read*",
    "restic forget|prune, borg delete|prune, kopia delete": "--keep-last= --keep-daily="
    " --keep-weekly= --prune --force",
    "restic restore, borg extract": "-t/--target=write --include= : _*",
    "jar": "!act=archives.jar",
    "dpkg-deb, rpm2cpio": "-x -b -c -e -I -f -R -X : read write",
    "mksquashfs, unsquashfs, genisoimage, mkisofs, xorriso, xorrisofs": "-o=write -d=write -f"
    " -comp= -e= : read*",
}
