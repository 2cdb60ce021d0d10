"""
Programs that list, read, copy, change and remove files.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
rm
  -r/-R/--recursive -f/--force -i -I --interactive? -d/--dir -v/--verbose -x --preserve-root?
  --no-preserve-root --one-file-system -P -W : remove*

rmdir
  -p/--parents -v/--verbose --ignore-fail-on-non-empty : remove*

unlink
  : remove*

srm, wipe, scrub
  -r/--recursive -f/--force -z -l -v -s -D/--dod -p= : remove*

trash, trash-put, gio-trash, gvfs-trash
  -r/--recursive -f/--force -d -i -v : remove*

rimraf, del-cli, trash-cli
  -g/--glob -i/--interactive -f --verbose : remove*

shred
  !act=files.shred -f/--force -n/--iterations= -s/--size= -u/--remove? -v/--verbose -x/--exact
  -z/--zero --random-source=read : write*

truncate
  -c/--no-create -o/--io-blocks -r/--reference=read -s/--size= : write*

fallocate
  -l/--length= -o/--offset= -n/--keep-size -c/--collapse-range -d/--dig-holes -i/--insert-range
  -p/--punch-hole -z/--zero-range -x/--posix -v/--verbose : write*

mkdir
  -p/--parents -m/--mode= -v/--verbose -Z : write*

mkfifo, mknod
  -m/--mode= -Z : write _*

mktemp
  -d/--directory -u/--dry-run -q/--quiet --suffix= -p= --tmpdir? -t

touch
  -a -c/--no-create -d/--date= -f -h/--no-dereference -m -r/--reference=read -t= --time= : write*

cp, gcp
  !act=files.copy -a/--archive -b --backup? -d -f/--force -i/--interactive -H -l/--link
  -L/--dereference -n/--no-clobber -P/--no-dereference -p --preserve? --no-preserve= --parents
  -R/-r/--recursive --reflink? --remove-destination --sparse= -s/--symbolic-link -S/--suffix=
  -t/--target-directory= -T/--no-target-directory -u/--update -v/--verbose -x/--one-file-system -Z
  --copy-contents --strip-trailing-slashes -c -X

mv
  !act=files.move -b --backup? -f/--force -i/--interactive -n/--no-clobber -S/--suffix= -h
  -t/--target-directory= -T/--no-target-directory -u/--update -v/--verbose -Z
  --strip-trailing-slashes --exchange

install, ginstall
  !act=files.install -b --backup? -c -C/--compare -d/--directory -D -g/--group= -m/--mode=
  -o/--owner= -p/--preserve-timestamps -s/--strip -S/--suffix= -t/--target-directory=
  -T/--no-target-directory -v/--verbose -Z

ln, link
  !act=files.link -b --backup? -d/-F/--directory -f/--force -i/--interactive -L/--logical
  -n/--no-dereference -P/--physical -r/--relative -s/--symbolic -S/--suffix= -h
  -t/--target-directory= -T/--no-target-directory -v/--verbose

rename, prename, file-rename
  !act=files.rename -n/--no-act -f/--force -v/--verbose -e= -s/--symlink -o/--no-overwrite
  -i/--interactive

mmv
  -f -v -n

dd
  !raw !act=files.dd

dcfldd, dc3dd
  !raw !act=files.dd

sponge
  -a : write*

tee
  -a/--append -i/--ignore-interrupts -p --output-error? : write*

split, csplit
  -a/--suffix-length= -b/--bytes= -C/--line-bytes= -l/--lines= -n/--number= -d -x -e -u
  --additional-suffix= --filter=shell -f/--prefix= -k/--keep-files -s -z : read write _*

chmod, gchmod
  !act=files.mode -R/--recursive -c/--changes -f/--silent/--quiet -v/--verbose --preserve-root
  --no-preserve-root --reference=read -h

chown, chgrp
  !act=files.mode -R/--recursive -c/--changes -f/--silent/--quiet -v/--verbose -h/--no-dereference
  --dereference --from= -H -L -P --preserve-root --no-preserve-root --reference=read

chattr
  !plus !act=files.attributes -R -f -V -v= -p=

lsattr
  -R -a -d -v -V -p -l : read*

chflags
  -R -f -h -v -x -H -L -P : _ write*

setfacl
  -m/--modify= -M/--modify-file=read -x/--remove= -X/--remove-file=read -b/--remove-all
  -k/--remove-default -n --no-mask -d/--default -R/--recursive -L -P --test --set= --set-file=read
  --restore=read : write*

getfacl
  -a -d -c -e -E -s -R/--recursive -L -P -t -p -n : read*

setfattr
  -n/--name= -v/--value= -x/--remove= -h --restore=read : write*

getfattr, xattr
  -n/--name= -d/--dump -e= -h -m= -R -w -p -c -l -r : read*

chcon
  -R/--recursive -t/--type= -u/--user= -r/--role= -l/--range= --reference=read -v -h -H -L -P : _
  write*

restorecon
  -R -r -n -v -F -i -f=read : write*

ls, dir, vdir, gls, exa, eza, lsd
  -I/--ignore= -w/--width= -T= --block-size= --color? --sort= --time= --time-style= --format=
  --hide= --level= -L : read*

tree
  -L= -P= -I= -o=write -a -d -f -i -l -x --filelimit= --charset= --sort= --du --timefmt= -H= -T=
  --gitignore : read*

stat
  -c/--format= -f --printf= -t/--terse -L/--dereference -x -n -q -r -s -F : read*

file
  -f/--files-from=read -m/--magic-file= -F/--separator= -P= -e= -b/--brief -i/--mime : read*

du
  -B/--block-size= -d/--max-depth= -t/--threshold= -X/--exclude-from=read --exclude=
  --files0-from=read --time? -I= -h -s -a -c : read*

df
  -B/--block-size= -t/--type= -x/--exclude-type= --output? -h -T -i -a -l

realpath, readlink, basename, dirname, pathchk
  -s/--suffix= --relative-to= --relative-base= -a/--multiple -f -e -m -n -q -z : _*

cksum, md5sum, sha1sum, sha224sum, sha256sum, sha384sum, sha512sum, b2sum, md5, b3sum, shasum, sum,
crc32, xxhsum
  -a/--algorithm= -l/--length= -c/--check -b -t -z --tag --quiet --status --strict -w/--warn :
  read*

find
  !raw !act=searching.find

fd
  !act=searching.fd -d/--max-depth/--maxdepth= --min-depth= --exact-depth= -E/--exclude= -t/--type=
  -e/--extension= -S/--size= --changed-within= --changed-before= -o/--owner= --format= -c/--color=
  -j/--threads= --max-results= --search-path=read --base-directory=cwd --ignore-file=read
  -H/--hidden -I/--no-ignore -u/--unrestricted -L/--follow -g/--glob -F/--fixed-strings
  -p/--full-path -0/--print0 -a/--absolute-path -l/--list-details -1 -q/--quiet -s/--case-sensitive
  -i/--ignore-case

locate, mlocate, plocate
  -l/--limit/-n= -d/--database=read -i/--ignore-case -c/--count

updatedb
  -o/--output=write -l= -U=read

which, whereis, type, hash, whatis, apropos
  -a -p -t -P -f -d -l -r -s : _*

lsof, fuser
  -p= -i? -u= -c= -t -n -P -a -k/--kill -m/--mount -v -s -d= : _*

sync, fsync
  -d -f : _*

cd, pushd
  -L -P -e -@ -n : _*

inotifywait, inotifywatch
  -e/--event= -t/--timeout= --format= --timefmt= -m/--monitor -r/--recursive -q -o/--outfile=write
  --exclude= --fromfile=read : read*

fswatch
  -o -r -1 -e= -i= -E -l= -x : read*

shar, makeself
  : read*

tune2fs, fsck, e2fsck, fsck.ext4, xfs_repair
  !act=files.partition -y -f -l -n -p -L= -U= -t= -A -a -C= -c

mkswap, resize2fs
  -y -f -n -p -L= -U= -t= -A -a -C= -c : write*

mkfs, mkfs.ext2, mkfs.ext3, mkfs.ext4, mkfs.xfs, mkfs.btrfs, mkfs.vfat, mkfs.fat, mkfs.ntfs,
mkfs.exfat, mke2fs, mkfs.f2fs
  -t/--type= -L= -n= -F -f -c -q -v -b= -O= -E= -m= -i= -N= -U= -s= -I= -d= : write*

wipefs
  !act=files.wipefs -a/--all -b/--backup -f/--force -n/--no-act -o/--offset= -t/--types= -q -p

blkdiscard
  -f/--force -o/--offset= -l/--length= -p/--step= -s/--secure -v -z : write*

fdisk, cfdisk, gdisk
  !act=files.partition -l/--list -b= -t/--type= -w= -W= -u?

sgdisk
  !act=files.partition -Z/--zap-all -z/--zap -o/--clear -n/--new= -d/--delete= -t/--typecode=
  -p/--print -l/--load-backup=read -b/--backup=write -c/--change-name= -g -G -i/--info=

sfdisk
  !act=files.partition -l/--list -d/--dump -f/--force -a= -N= --delete -A -J/--json -n/--no-act

parted
  !act=files.partition -s/--script -a/--align= -l/--list -m -f

hdparm, nvme, sg_format, blkid, lsblk, smartctl, badblocks
  -w -n -s -o= -f -t= -a -i -I -z --security-erase= --user-master= -b= -c= -p= : _*

cryptsetup
  !sub !act=files.cryptsetup -q/--batch-mode -v -c/--cipher= -s/--key-size= -h/--hash=
  -d/--key-file=read -S/--key-slot= -y --type= -i=

mount
  -t/--types= -o/--options= -L= -U= -a/--all -r -w -n -v --bind/-B --rbind/-R -T/--fstab=read -O=
  --source= --target= --move/-M : _ write

umount
  -a/--all -f/--force -l/--lazy -t/--types= -O= -R/--recursive -v -n -r -d -A : _*

losetup
  -d/--detach= -D -f/--find -P -o/--offset= --show -a -l -j= -r : _ write

swapoff, swapon
  -a/--all -p= -L= -U= -v -e -f : _*

mdadm
  --zero-superblock=write --create=write --stop= --assemble= --manage= -l= -n= --level=
  --raid-devices= --add= --fail= --remove= -D/--detail= --scan : write*

lvremove, vgremove, pvremove, lvcreate, vgcreate, pvcreate, lvextend, lvreduce, vgreduce
  -f/--force -y/--yes -n/--name= -L/--size= -l/--extents= -s -t/--test -v : write*

zfs, zpool, btrfs, ceph
  !sub !groups=subvolume,device,filesystem,balance,scrub,osd,pool

zfs|zpool destroy, zpool clear|labelclear, zfs rollback
  -r -R -f -n -v -p -d : write*

btrfs subvolume delete
  -c -C -v : remove*

diskutil
  !sub !groups=apfs,cs,appleraid

diskutil eraseDisk|eraseVolume|partitionDisk
  : _* write

diskutil zeroDisk|secureErase|randomDisk
  : _* write

hdiutil
  !sub

newfs, newfs_apfs, newfs_hfs
  -v= -N -s : write*

gio
  !sub

gio trash|remove
  -f/--force --empty --list : remove*

gio copy|move|open|cat|list
  -p -i -P -b : read*

rclone
  !sub --config=read --filter= --include= --exclude= --transfers= --dry-run/-n -P --progress
  --checkers= -v

rclone delete|purge|rmdir|rmdirs|deletefile|cleanup
  : place*

rclone copy|sync|move|copyto|moveto|bisync
  !act=network.rclone

safe-rm, rip
  -r -f : remove*
"""
