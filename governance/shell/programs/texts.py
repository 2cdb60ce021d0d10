"""
Programs that read texts, search and change them, and editors.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
@grep
  !act=searching.grep -e/--regexp= -f/--file=read -m/--max-count= -A/--after-context=
  -B/--before-context= -C/--context= -d/--directories= -D/--devices= --include= --exclude=
  --exclude-from=read --exclude-dir= --label= --color? --colour? --binary-files=
  -E/--extended-regexp -F/--fixed-strings -G/--basic-regexp -P/--perl-regexp -i/--ignore-case -y
  -v/--invert-match -w/--word-regexp -x/--line-regexp -c/--count -L/--files-without-match
  -l/--files-with-matches -o/--only-matching -q/--quiet/--silent -s/--no-messages -b
  -H/--with-filename -h/--no-filename -n/--line-number -T -Z/--null -z/--null-data -a/--text -I
  -r/--recursive -R/--dereference-recursive -U -u

@vim
  !plus !act=editing.vim -c= --cmd= -S=script -s=script -u= -U= -w=write -W=write -T= -t= -q=read
  -i= -L -r -R -m -M -b -e -E -es -Es -d -g -n -N -o? -O? -p? -y -Z -X -V? --noplugin --clean
  --not-a-term --headless --remote=

@json
  -n/--null-input -r/--raw-output -j -a -s/--slurp -c/--compact-output -C -M -S/--sort-keys
  -e/--exit-status -f/--from-file=read -L= --arg=_,_ --argjson=_,_ --slurpfile=_,read
  --rawfile=_,read --indent= --tab --args --jsonargs --stream --seq -R/--raw-input -i?

cat, tac, nl, rev, fold, fmt, expand, unexpand, pr, ptx, tsort, column, colrm, ul, more, bat, zcat,
zless, zmore, xzcat, bzcat, lzcat, zstdcat, gzcat, hexyl, glow, mdcat
  -w/--width= -s= -t= -l= -b= -i= -v -n -A -E -T -e -u -c= -o= -p/--plain -H= -r= --language=
  --style= --paging= --theme= --color= : read*

head, tail
  !plus -n/--lines= -c/--bytes= -q/--quiet/--silent -v/--verbose -z/--zero-terminated -f --follow?
  -F --retry --pid= -s/--sleep-interval= -r -b= : read*

less
  !plus !act=editing.less -p/--pattern= -o/--log-file=write -O/--LOG-FILE=write -t/--tag= -T= -k=
  -x= -y= -z= -h= -j= -b= -D= -P= -R -S -N -F -X -i -I -n -M -m -e -E -r : read*

most, pg
  -s -w : read*

grep, egrep, fgrep, ggrep, zgrep, zegrep, zfgrep, bzgrep, xzgrep, rgrep
  !like=@grep

rg
  !act=searching.grep -e/--regexp= -f/--file=read -m/--max-count= -A/--after-context=
  -B/--before-context= -C/--context= -g/--glob= --iglob= -t/--type= -T/--type-not= --type-add=
  -r/--replace= -j/--threads= -d/--max-depth= -M/--max-columns= -E/--encoding= --color= --colors=
  --sort= --sortr= --pre=shell --pre-glob= --ignore-file=read --max-filesize= --engine= -i -l -n -v
  -w -x -c -o -q -u -z -s -S -F -P -U -a -L -N -I -H -0 -p --files --json --hidden -. --no-ignore

ag, ack, pt, ugrep, ug
  !act=searching.grep -m/--max-count= -A/--after= -B/--before= -C/--context= -G= --ignore=
  --ignore-dir= --depth= -p/--path-to-ignore=read --type= -g= -i -l -v -w -c -o -Q -L -r -n -e=

sed
  !act=editing.sed -n/--quiet/--silent -e/--expression= -f/--file=script -E/-r/--regexp-extended
  -i/--in-place? -I= -l/--line-length= -s/--separate -u/--unbuffered -z/--null-data --posix --debug
  --follow-symlinks --sandbox -b/--binary -a

awk
  !posix !act=languages.awk -f/--file=script -F/--field-separator= -v/--assign= -e/--source=
  -i/--include= -l/--load= -d/--dump-variables? -E/--exec=script -o/--pretty-print? -p/--profile?
  -M -b -c -C -g -h -n -N -O -P -r -s -S -t -V -W=

jq, gojq, jaq
  !like=@json !act=searching.pattern

yq
  !act=editing.yq -i/--inplace/--in-place? -r -j -P -o= -p= -s= -n -e -c -y -Y -f=read
  --from-file=read --arg=_,_ --argjson=_,_ --expression= -w= --indent=

xq, tomlq
  !like=@json !act=editing.yq -i/--inplace/--in-place? -t -y -Y

dasel, crudini, sd, rpl, comby, ast-grep
  !act=editing.replace -f/--file= -p/--preview -s= -v= -t= -r= -w= -i/--in-place -U/--update-all
  -x= -d= -F -n= -R --dry-run --get --set --del --merge --list

mlr, fx, gron, jo, jc
  -r -c -i -p= -o= -f=read : _ read*

xmllint, xmlstarlet, tidy
  --xpath= --schema=read --output=write -o=write --noout --format -m -q -i : read*

uniq
  -c/--count -d/--repeated -D -f/--skip-fields= -i/--ignore-case -s/--skip-chars= -u/--unique
  -w/--check-chars= -z/--zero-terminated --all-repeated? --group? : read write

cut, paste, join, comm, wc
  -d/--delimiter= -f/--fields= -c/--characters= -b/--bytes= --output-delimiter= -w=
  -s --files0-from=read -t= -1= -2= -e= -o= -a= -j= -l/--lines -m/--chars -u -i -n -z
  : read*

sort, gsort
  -k/--key= -t/--field-separator= -o/--output=write -S/--buffer-size= -T/--temporary-directory=
  --parallel= --compress-program=argv --files0-from=read --random-source=read --batch-size= -b -d
  -f -g -i -M -h -n -R -r -V -c -C -m -s -u -z : read*

shuf
  -e/--echo -i/--input-range= -n/--head-count= -o/--output=write -r -z --random-source=read : read*

tr
  -c/-C/--complement -d/--delete -s/--squeeze-repeats -t/--truncate-set1 -u : _*

strings
  -n/--bytes= -t/--radix= -e/--encoding= -T= -a -f -w -s= : read*

xxd, hexdump, hd
  !act=editing.xxd -r -p -c= -g= -l= -s= -o= -n= -e= -f=read -C -x -d -b -u -i

od
  -A/--address-radix= -j/--skip-bytes= -N/--read-bytes= -S= -t/--format= -w? -v -b -c -d -o -x -a
  -f -i -l -s --endian= : read*

base64, base32, basenc, gbase64
  !act=editing.base64 -d/-D/--decode -i/--ignore-garbage -w/--wrap= -b/--break= -o/--output=write
  --base64 --base64url --base32 --base16

uuencode, uudecode
  -m -o=write : read _*

diff, gdiff, colordiff, sdiff, diff3, icdiff, delta, difft
  -U/--unified= -C/--context= -I= --label= -L= -x/--exclude= -X/--exclude-from=read -S= -W/--width=
  -F= --color? -r -u -c -y -q -s -i -w -b -B -N -a -o/--output=write : read*

cmp
  -i= -n/--bytes= -l -s/--silent/--quiet -b : read read _*

vimdiff, nvimdiff
  : both*

patch
  !act=editing.patch -p/--strip= -i/--input=read -o/--output=write -d/--directory=cwd -R/--reverse
  -N/--forward -b/--backup -B= -z/--suffix= -r/--reject-file=write -F= -D= -E -f -l -s -t -u -v
  --dry-run --verbose

iconv
  -f/--from-code= -t/--to-code= -o/--output=write -c -s -l : read*

dos2unix, unix2dos, mac2unix
  -n/--newfile -k -q -o : both*

vi, vim, nvim, view, gvim, vimx, rvim, mvim
  !like=@vim

ex
  !like=@vim -s

nano, pico, rnano
  !plus -r= -T= -s= -o/--operatingdir= -S -B/--backup -C/--backupdir= -w -l -i -m -v : both*

ed, red
  !act=editing.ed -s -p= -v -G -l

emacs, emacsclient, micro, helix, hx, kak, joe, jed, mcedit, ne, kate, gedit
  !plus !act=editing.emacs --eval= -e= -l=script --load=script -f= --batch -nw -Q -q -t -c -n
  --script=script

code, codium, cursor, subl, zed, mate
  -g/--goto -d/--diff -n -r -w/--wait -a/--add --install-extension= --uninstall-extension=
  --user-data-dir= --extensions-dir= --force : read*

echo
  !posix : _*

printf, print
  !posix : _*

yes, seq, true, false, sleep, pwd, :, cal, uptime, bc, dc, factor, numfmt, expr, test, [, [[,
break, continue, return, shift, wait, jobs, fg, bg, let, getopts, times, umask, exit, logout, tput,
clear, reset, stty, tty, nproc, arch, hostname, uname, whoami, id, groups, users, who, w, last,
logname, hostid, getconf, locale, free, vmstat, iostat, mpstat, sar, dmesg, printenv, figlet,
cowsay, lolcat, fortune, banner, toilet
  !posix : _*

date
  -d/--date= -f/--file=read -r/--reference= -s/--set= -u/--utc -R/--rfc-email -I/--iso-8601? -j -v=

set, shopt
  !posix !plus : _*

read, mapfile, readarray
  !posix -d= -n= -p= -t= -u= -i= -a -r -s : _*

unset, export, declare, typeset, local, readonly
  !posix !plus -a -A -f -F -g -i -I -l -n -p -r -s -t -u -v -x : _*

alias, unalias, bind, complete, compgen, compopt, disown, enable, help, history, fc, suspend,
ulimit, dirs, popd
  !posix !act=shells.builtin : _*
"""
