"""
Programs that run other programs, and shells.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
@tmux
  -L= -S= -f=script -c=shell -2 -C -D -l -N -u -v

sudo
  !posix !act=wrapping.sudo -u/--user= -g/--group= -p/--prompt= -h/--host= -C/--close-from=
  -r/--role= -t/--type= -T/--command-timeout= -U/--other-user= -D/--chdir=cwd -R/--chroot=
  -A/--askpass -b/--background -E/--preserve-env? -e/--edit -H/--set-home -i/--login
  -K/--remove-timestamp -k/--reset-timestamp -l/--list -n/--non-interactive -P/--preserve-groups
  -S/--stdin -s/--shell -V -v/--validate -B/--bell -N

doas
  !posix !act=wrapping.sudo -u= -C=read -a= -L -n -s

please, gosu, su-exec, setpriv
  !posix !act=wrapping.gosu -u/--user= -g/--group= -d/--dir=cwd -a/--allowenv= -n -e --reuid=
  --regid= --groups= --clear-groups --init-groups --reset-env --no-new-privs --inh-caps=
  --bounding-set=

run0
  !posix -u/--user= -g/--group= -D/--chdir=cwd --unit= --property= --description= --slice= --nice=
  --setenv= --background= --machine= : argv

systemd-run
  !posix -u/--unit= --user --system -p/--property= -H/--host=host -M/--machine= -E/--setenv=
  --slice= -d/--same-dir -t/--pty -P/--pipe -q/--quiet -r/--remain-after-exit -S/--shell --scope
  --uid= --gid= --nice= --description= --working-directory=cwd -G/--collect --on-active= --on-boot=
  --on-calendar= --on-unit-active= --timer-property= --no-block --wait : argv

pkexec
  !posix -u/--user= --disable-internal-agent --keep-cwd : argv

su
  !act=wrapping.su -c/--command=shell -s/--shell= -g/--group= -G/--supp-group= -w= -T/--pty -P
  -l/--login -m/-p/--preserve-environment -f/--fast --session-command=shell

runuser
  !posix !act=wrapping.runuser -c/--command=shell -u/--user= -s/--shell= -g/--group= -G= -w=
  -l/--login -m/-p/--preserve-environment -f

sg
  !act=wrapping.sg : _*

env, genv
  !raw !act=wrapping.env

nice, gnice
  !posix -n/--adjustment= : argv

ionice
  !posix -c/--class= -n/--classdata= -p/--pid= -t/--ignore : argv

chrt
  !posix -p/--pid -b -d -f -i -o -r -R -T= -P= -D= -m -a -v : _ argv

taskset
  !posix -p/--pid -c/--cpu-list -a : _ argv

numactl
  !posix -i/--interleave= -m/--membind= -N/--cpunodebind= -C/--physcpubind= -p/--preferred= -l -H
  -s : argv

nohup, setsid, cgexec, eatmydata, unbuffer, faketty, rlwrap, catchsegv, fakeroot, proxychains,
proxychains4, torsocks, torify, tsocks, dbus-run-session, dbus-launch, xvfb-run, caffeinate,
systemd-inhibit, systemd-cat, chronic, softlimit, setlock, daemonize, daemon, linux32, linux64,
i386, x86_64, nocache, ifne, ccache, sccache, gnohup, s6-setsid, foreground, background
  !posix -c/--ctty -f/--fork -w/--wait -g= -q -i -d -u -s -t= -p -a/--auto-servernum --server-args=
  -m -e= --what= --who= --why= --mode= -f=read : argv

flock
  !posix !act=wrapping.flock -s -x -e -u -n/--nonblock -w/--timeout= -E= -F -o -v
  -c/--command=shell

timeout, gtimeout
  !posix -s/--signal= -k/--kill-after= -v/--verbose -f/--foreground -p/--preserve-status
  --foreground --preserve-status : _ argv

time, gtime
  !posix -p/--portability -o/--output=write -f/--format= -a/--append -v -q -l -h : argv

stdbuf, gstdbuf
  !posix -i/--input= -o/--output= -e/--error= : argv

watch, gwatch
  !posix !act=wrapping.watch -n/--interval= -d/--differences? -t/--no-title -e -g/--chgexit -b -c
  -x/--exec -p -w -r -q= -s=

dotenv
  !posix !act=wrapping.dotenv -f/--file= -e= -c? -o -q/--quote= -i --override --no-override

watchexec
  !posix !act=wrapping.watchexec -e/--exts= -w/--watch= -W= -f/--filter= -i/--ignore= -d/--debounce=
  -s/--signal= --stop-signal= --stop-timeout= -o/--on-busy-update= --shell= -n -r/--restart
  -c/--clear? -p/--postpone --delay-run= --workdir=cwd -E/--env= --project-origin=

watchman-make
  -p/--pattern= -t/--target= --run=shell -s/--settle= --root=cwd --make=shell

man, gman
  !act=wrapping.manual -P/--pager=shell -H? -s/-S= -M/--manpath= -C=read -L= -m= -R= -E= -k -f -a -w
  -K -l -t

entr
  !posix !act=wrapping.entr -c -d -n -p -r -s -z -a

xargs
  !posix !act=searching.xargs -0/--null -a/--arg-file=read -d/--delimiter= -E= -e? -I= -i? -J= -L=
  -l? -n/--max-args= -P/--max-procs= -p/--interactive -r/--no-run-if-empty -s/--max-chars=
  -t/--verbose -x/--exit -o/--open-tty --replace? --max-lines? --eof? --process-slot-var=
  --show-limits -R= -S=

parallel
  !posix !act=searching.parallel -j/--jobs= -a/--arg-file=read -I= -N= -n/--max-args= -L=
  -d/--delimiter= -C/--colsep= -S/--sshlogin= --joblog=write --results=write --halt= --timeout=
  --retries= --delay= --tmpdir= --tagstring= --workdir/--wd=cwd --env= -0/--null -k/--keep-order -X
  -m -q/--quote --bar --eta --progress --dry-run --pipe --block= --line-buffer/--lb --tag
  --no-notice --will-cite -u -v -r --load= --memfree= --shuf --plus --xargs

strace, ltrace, dtruss, truss
  !posix -e= -o=write -p= -s= -u= -E= -P= -a= -b= -I= -O= -S= -X= -U= -l= -f -ff -c -C -d -D -F -h
  -i -k -n -q -r -t -T -v -V -w -x -y -z : argv

lldb
  !act=wrapping.gdb -o/--one-line= -O/--one-line-before-crash= -s/--source=script -p=
  -b/--batch -f= -c= --args

perf, rr, valgrind, heaptrack
  !posix !like=gdb

gdb
  !act=wrapping.gdb -ex= -x=script --args -p= -batch -q --batch -ix=script -iex= -o=write -c=
  --tool= --leak-check= -nx -e=

hyperfine
  -w/--warmup= -r/--runs= -m= -M= -p/--prepare=shell -c/--cleanup=shell -s/--setup=shell
  --export-json=write --export-markdown=write --export-csv=write -P= -L=_,_ -S/--shell= -n= -i -N
  -u= : shell*

script
  !act=wrapping.script -c/--command=shell -a/--append -e -f -q -t? -T=write -B=write -I=write
  -O=write -E= -o= -F

scriptreplay
  : read*

chroot
  !posix !act=wrapping.chroot --userspec= --groups= --skip-chdir -u= -g= -G=

unshare
  !posix -r/--map-root-user -c/--map-current-user -m -u -i -n -p -U -C -T --mount? --uts? --ipc?
  --net? --pid? --user? --cgroup? --time? -f/--fork --mount-proc? -R/--root= -w/--wd=cwd
  -S/--setuid= -G/--setgid= --propagation= --setgroups= --kill-child?
  --map-user= --map-group= : argv

nsenter
  !posix !act=wrapping.away -t/--target= -m/--mount? -u/--uts? -i/--ipc? -n/--net? -p/--pid?
  -U/--user? -C? -T? -S/--setuid= -G/--setgid= -r/--root? -w/--wd? -W= -a/--all -F -Z -e -h/--help

bwrap, firejail, systemd-nspawn, proot
  !posix --bind=_,_ --ro-bind=_,_ --dev-bind=_,_ --dev= --proc= --tmpfs= --chdir= --setenv=_,_ -D=
  -M= -r= -b= --profile= --unshare-all --share-net --die-with-parent -q --quiet --noprofile --net=
  --symlink=_,_ --dir= --unsetenv= --uid= --gid= --private? : argv

dumb-init, tini, catatonit
  !posix -c -v -g -s -p= : argv

chpst
  !posix -u= -U= -e= -b= -n= -l= -L= -m= -d= -o= -p= -f= -c= -r= -t= -v -V -P -0 -1 -2 : argv

setuidgid, envdir, envuidgid, s6-setuidgid, s6-envdir, pidproxy, reptyr
  !posix -i -n -L -T= : _ argv

setarch, uname26, runcon, retry, schedtool, choom, with-contenv
  !posix !act=wrapping.behind -t/--times= -d/--delay= -n/--adjust= -p/--pid= -l/--limit= -u= -r= -c
  -m= -a= -e -z -i -q -v -R/--addr-no-randomize -B -F -I -L -S -T -X -Z --verbose

pee, mispipe
  : shell*

execlineb
  !posix -c=shell -P -p -e -S= -s= -E -W : script

flatpak-spawn
  !posix --host --sandbox --clear-env --watch-bus --env= --directory=cwd --forward-fd= --no-network
  -v --latest-version : argv

direnv
  !sub

direnv exec
  !posix : cwd argv

xinit
  !posix : argv

start-stop-daemon
  !posix !act=wrapping.start_stop -S/--start -K/--stop -x/--exec= -a/--startas= -p/--pidfile=
  -m/--make-pidfile -b/--background -u= -c= -d/--chdir=cwd -n= -v -q -o -t -N= -P= -I= -k=

ts, errno
  -i -s -m -r : _*

exec
  !posix -a= -c -l : argv

command
  !posix !act=wrapping.command -p -v -V

builtin, noglob, nocorrect, coproc, -, and, or, not
  !posix : argv

repeat, sched
  !act=wrapping.again

emulate
  -c=shell -L -R -l : _*

eval
  !posix !act=shells.evaluate

source, .
  !posix !act=shells.source -p=

trap
  !posix !act=shells.trap -l -p

bash, sh, dash, zsh, ksh, mksh, ash, rksh, pdksh, yash, posh, fish, csh, tcsh, elvish, nu, xonsh,
osh, ysh
  !posix !plus !act=shells.shell -c -s -i -l/--login -x -e -u -v -n -r -p -f -a -b -h -k -m -B -C
  -E -H -P -T -D -t -w -y -X -o= -O= --rcfile/--init-file=script --norc --noprofile --posix
  --verbose --debugger --noediting --restricted +o= +O= --init-command=shell --command=shell -C= -N

busybox, toybox, coreutils, shx
  !posix --list --help : argv

ld.so, ld-linux-x86-64.so.2, ld-linux.so.2, ld-linux-aarch64.so.1, ld-musl-x86_64.so.1
  !posix --library-path= --preload= --inhibit-cache --verify --list --argv0= --audit= : argv

ssh, autossh, dbclient, et, slogin
  !posix !act=network.ssh -b= -B= -c= -D= -E=write -e= -F=read -I= -i=read -J=host -L= -l= -M? -m=
  -O= -o= -p= -P= -Q= -R= -S= -W= -w= -4 -6 -A -a -C -f -G -g -K -k -N -n -q -s -T -t -V -v -X -x
  -Y -y

sshpass
  !posix -p= -f=read -d= -e -P= -v : argv

mosh
  !posix !act=network.ssh --ssh=shell -p= --predict= --server= -a -n -4 -6

pdsh, pssh, parallel-ssh, clush, dsh
  !posix !act=network.everywhere -w=host -h/--hosts=read -H/--host=host -g= -x= -l/--user= -R= -f=
  -t= -p= -o= -e= -O= -A -i -P -a -M -c -b -B

tmux, byobu
  !sub !like=@tmux

tmux new-session|new|neww|new-window|split-window|splitw|respawn-pane|respawn-window,
tmux popup|display-popup
  !posix !act=wrapping.tmux -s= -n= -t= -c=cwd -x= -y= -F= -e= -l= -p= -d -A -D -P -X -h -v -b -f
  -k -a -E -w= -T=

tmux run-shell|run
  -b -C -t= -d= -c=cwd : shell

tmux if-shell|if
  !posix !act=wrapping.tmux_if -b -F -t=

tmux source-file|source
  -n -q -v -F -t= : script*

tmux bind-key|bind|set-hook|command-prompt|confirm-before|confirm
  !posix !act=wrapping.tmux_later -t= -T= -p= -I= -N= -c= -n -r -g -R -u -w -b -1 -k -y

tmux set-option|set|set-window-option|setw
  !posix !act=wrapping.tmux_set -t= -a -F -g -o -p -q -s -u -U -w

tmux pipe-pane|pipep
  -I -O -o -t= : shell

tmux send-keys|send
  !act=wrapping.send_keys -t= -N= -F -H -K -l -M -R -X -c=

screen
  !posix !act=wrapping.screen -S= -c=script -e= -h= -p= -s= -t= -T= -L? -Logfile=write -d? -D? -r?
  -R? -m -A -a -x -X -Q -q -wipe? -ls? -list? -dm -dmS= -U -O -i -l -f

expect
  !act=languages.expect -c= -f=script -d -i -b -n -N

foreman|honcho run
  !posix -e/--env=read -f/--procfile=read -d/--root=cwd : argv

supervisorctl, pm2, forever, foreman, honcho, overmind, circusctl, monit, initctl
  !sub -c=read --name= -i= --watch

pm2|forever start
  !act=builders.started --name= -i= --watch --interpreter=

nodemon
  !act=builders.script -w/--watch= -e/--ext= -x/--exec=shell -i= --ignore= --delay= -q -V
  -r/--require=

concurrently
  -n/--names= -c= -k/--kill-others -p= -m= --kill-others-on-fail -r -s= : shell*

cross-env, dotenvx, env-cmd
  !raw !act=wrapping.env

cross-env-shell
  !posix : shell*

npm-run-all, run-s, run-p, wireit, lerna, nx, turbo, rush
  !sub -p -s -l -r

wsl
  !posix -d/--distribution= -u/--user= -e/--exec --cd=cwd -l/--list -v --shutdown --unregister=
  --import=_,_,_ --export=_,_ : argv

powershell, pwsh, cmd
  !raw !act=shells.foreign
"""
