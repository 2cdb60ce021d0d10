"""
Programs that pack and unpack.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
tar
  !raw !act=archives.tar -A/--catenate/--concatenate -c/--create -d/--diff/--compare --delete
  -r/--append -t/--list --test-label -u/--update -x/--extract/--get -C/--directory= -f/--file=
  -F/--info-script/--new-volume-script=shell -g/--listed-incremental=both -G
  -b/--blocking-factor= -H/--format= -I/--use-compress-program=shell -K/--starting-file=
  -L/--tape-length= -N/--newer= -T/--files-from=read -V/--label= -X/--exclude-from=read
  --exclude= --strip-components= --transform/--xform= --to-command=shell --checkpoint-action=
  --checkpoint? --rsh-command=shell --rmt-command=argv --index-file=write --mode= --mtime=
  --owner= --group= --owner-map=read --group-map=read --sort= --suffix= --warning= --record-size=
  --quoting-style= --add-file=read --remove-files --overwrite --unlink-first/-U
  --recursive-unlink --absolute-names/-P -a/--auto-compress -j/--bzip2 -J/--xz -z/--gzip/--gunzip
  -Z/--compress --zstd --lzma --lzip -h/--dereference -k/--keep-old-files -m/--touch
  -M/--multi-volume -n -o -O/--to-stdout -p/--preserve-permissions -R -s -S/--sparse -v/--verbose
  -w -W/--verify --no-recursion --wildcards --anchored --one-file-system --no-same-owner
  --same-owner --ignore-failed-read

zip
  !act=archives.zip -r/--recurse-paths -m/--move -d/--delete -x= -i= -@ -u -f -q -9 -j
  -P/--password= -e -T/--test -TT/--unzip-command=shell -b=write -O=write -n= -t= -y -X -D -s= -o
  -v

unzip, zipinfo, funzip
  !act=archives.unzip -d= -x= -P= -o -n -l -p -q -j -t -v -u -f -c -a -C -L -Z

gzip, gunzip, pigz, unpigz, bzip2, bunzip2, pbzip2, xz, unxz, lzma, unlzma, zstd, unzstd, lz4,
brotli, compress, uncompress, lzip, lzop
  !act=archives.gzip -c/--stdout/--to-stdout -d/--decompress -f/--force -k/--keep -l/--list
  -n/--no-name -N/--name -q/--quiet -r/--recursive -S/--suffix= -t/--test -v/--verbose
  -T/--threads= -p/--processes= -e/--extreme -z/--compress -o=write --output=write -D=read --rm -i
  -m -b= -w=

7z, 7za, 7zr, 7zz
  !raw !act=archives.seven

rar, unrar, unar, lsar
  -o= -d= -f -D -r -p= : _ read _*

cpio
  !act=archives.cpio -o/--create -i/--extract -p/--pass-through -d -m -u -v -t/--list -0/--null
  -F/--file=both -I=read -O=write -H/--format= -E/--pattern-file=read -D/--directory=cwd
  --to-stdout --rsh-command=shell --quiet

ar
  !posix : _ write read*

pax
  -r -w -f=both -v -s= -x= -d -a -b= -o= -p= -z -k : read*

xar, dtrx, atool, aunpack, apack
  -x -c -t -f=read -v -z -X= -l : read*

restic, borg, duplicity, kopia
  !sub -r/--repo=place --password-file=read -p=read --password-command=shell --exclude=
  --exclude-file=read --files-from=read --tag= -n --dry-run --rsh=shell -o= --stats --progress -v

restic backup, borg create, kopia create
  : read*

restic forget|prune, borg delete|prune, kopia delete
  --keep-last= --keep-daily= --keep-weekly= --prune --force

restic restore, borg extract
  -t/--target=write --include= : _*

jar
  !act=archives.jar

dpkg-deb, rpm2cpio
  -x -b -c -e -I -f -R -X : read write

mksquashfs, unsquashfs, genisoimage, mkisofs, xorriso, xorrisofs
  -o=write -d=write -f -comp= -e= : read*
"""
