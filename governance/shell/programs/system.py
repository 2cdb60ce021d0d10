"""
Programs that look after the system: services, users, processes, kernels, disks' keys, timers.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
kill, tkill
  -s/--signal= -n= -l/--list -L -p/--pid -q= : _*

killall, pkill, pgrep, skill, killall5
  !single -s/--signal= -signal= -u/--euid/--user= -U/--uid= -g/--pgroup= -G/--group= -t/--terminal=
  -P/--parent= -n -o -f/--full -x/--exact -e/--echo -i -I -q -r/--regexp -v -w/--wait -y=
  -F/--pidfile=read -a -l -d= -c : _*

ps, top, htop, btop, pstree, pidof, atop, glances, iotop, nvtop, powertop
  -o= -p= -u= -U= -C= -g= -G= -t= -n= -d= -b -e -f -a -x -H -L -i -w : _*

shutdown, reboot, halt, poweroff, init, telinit
  -h -r -P -c -k -H -f/--force -n -t= -p -w --halt --poweroff --reboot --no-wall : _*

systemctl
  !sub --user --system -f/--force --now -t/--type= -p/--property= -q/--quiet --no-pager
  -H/--host=host -M/--machine= -s/--signal= -n/--lines= -o/--output= --root=write --state= -a/--all
  -l/--full --no-block --runtime --kill-who= --no-reload

systemctl link|enable|reenable|edit
  !act=system.unit --stdin

service, rc-service, sv
  !posix : _*

rc-update, update-rc.d, chkconfig, insserv
  -f -a -d -s --add= --del= --level= : _*

journalctl
  -u/--unit= -n/--lines= --since/-S= --until/-U= -o/--output= -p/--priority= --vacuum-time=
  --vacuum-size= --vacuum-files= --rotate -f/--follow -b/--boot? -k -x -e -r --no-pager
  -D/--directory=read --file=read --flush --user -g= -t= : _*

loginctl, hostnamectl, timedatectl, localectl, resolvectl, networkctl, machinectl, coredumpctl,
bootctl, busctl, udevadm
  !sub -H/--host=host -M= --no-pager

launchctl
  !sub

launchctl load|unload
  -w -F -S= -D= : both*

launchctl bootstrap|bootout
  : _ read*

launchctl submit
  !posix -l= -p= -o=write -e=write : argv

launchctl start|stop|list|remove|enable|disable|kickstart|print|setenv|getenv
  -k -p : _*

defaults
  !single !sub -currentHost -host= -g

defaults write|delete|read|export|import|rename
  : _*

crontab
  !act=system.crontab -u= -e -l -r -i -s -T=read

at, batch, atd
  !act=system.at -f=script -q= -t= -m -M -l -r -d -c -v -V

atq, atrm
  -q= -V : _*

anacron, cron, crond, fcron
  -t=read -f -L= -n -d -s : _*

useradd, adduser, usermod
  -d/--home-dir/--home= -g/--gid= -G/--groups= -u/--uid= -s/--shell= -c/--comment/--gecos=
  -e/--expiredate= -p/--password= -k/--skel=read -K= -b= -D -m/--create-home -M -N -o -r/--system
  -U -a/--append -l -L/--lock -R/--root=cwd --ingroup= --disabled-password --disabled-login
  --no-create-home --force-badname : _*

userdel, deluser, groupadd, groupdel, groupmod, addgroup, delgroup, gpasswd, chage, chsh, chfn,
passwd, chpasswd, newusers, vipw, vigr, pwck, grpck, pwconv, newgrp
  -r/--remove -f/--force -g= -u= -o -s/--shell= -d/--delete= -a/--add= -M= -m= -E= -I= -W= -n= -x=
  -w= -l -e -S -c= -R= --stdin --remove-all-files --remove-home : _*

dscl, sysadminctl, dsimport, dseditgroup
  !single : _*

csrutil, spctl, nvram, bless, systemsetup, scutil, pmset, networksetup, softwareupdate, fdesetup,
tmutil, profiles, mdutil, kextload, kextunload, tccutil
  !single : _*

security
  !sub

visudo
  !act=editing.plain -c -f=both -s -q -x= -O -P

sudoedit
  !act=editing.plain -u= -g= -h= -A -n -k -S : both*

vipe
  : _*

sysctl
  -w/--write -p/--load=read -a/--all -n -e -q -N -r= --system -f=read : _*

modprobe, insmod, rmmod, depmod, lsmod, modinfo, kmod
  -r/--remove -f/--force -a -n -v -q -C=read -d= --first-time : _*

update-grub, grub-install, grub-mkconfig, grub2-mkconfig, efibootmgr, mkinitcpio, update-initramfs,
dracut, grub-reboot
  -o/--output=write -u -k= -c= -b= -B -d= -p= -l= -L= -A -a -n= : _*

kexec
  -l/--load=read -e/--exec -p=read --initrd=read --append= --command-line= -u -f : _*

setenforce, getenforce, semanage, setsebool, semodule, apparmor_parser, aa-disable, aa-complain,
aa-enforce, aa-teardown, auditctl, ausearch, augenrules
  -P -D -e= -d -a -w= -r -R=read -i=read -s -l -m -C= -W : _*

setcap, getcap, capsh
  -r -v -n= -q --caps= --print --user= --keep= : _ write*

ufw, firewall-cmd
  --force --permanent --zone= --add-port= --add-service= --remove-port= --reload --remove-service=
  --add-rich-rule= --panic-on --dry-run : _*

iptables, ip6tables, iptables-legacy, iptables-nft, ebtables, arptables
  -A/--append= -D/--delete= -I/--insert= -R/--replace= -P/--policy= -N/--new-chain= -t/--table=
  -p/--protocol= -s/--source= -d/--destination= -j/--jump= -i/--in-interface= -o/--out-interface=
  -m/--match= --dport= --sport= --state= --ctstate= --comment= --to= --to-destination= --to-ports=
  -F/--flush -X/--delete-chain -Z/--zero -L/--list -n -S/--list-rules -w? -v --line-numbers : _*

iptables-save, ip6tables-save, nft, pfctl, ipset
  -f=read -F= -d -e -a -s= -c -t= -i : _*

iptables-restore, ip6tables-restore
  -n -T= -c -t : read*

ip
  !act=system.ip -4 -6 -j -p -s -d -b/-batch=read -n/-netns= -o -br -c -f/-family=

ifconfig, iwconfig, route, arp, brctl, ethtool, nmcli, iw, wpa_cli, rfkill, dhclient, netplan,
ifup, ifdown, tc
  -n -e -a -s= -f -d -i= -t -p= -r -w= -m= : _*

logger, wall, write, mesg, notify-send, say, osd_cat
  -t= -p= -f=read -n= -i -s -u= -h= : _*

logrotate
  -f/--force -s/--state=write -v -d -l=write -m= : script*

tmpreaper, tmpwatch, systemd-tmpfiles
  --clean --remove --create --prefix= -t --protect= --mtime -m -a -f -v : _ remove*

ssh-keygen
  !act=system.keygen -f= -t= -b= -C= -N= -P= -m= -O= -V= -z= -n= -I= -s=read -R= -F= -r= -w= -M=
  -E= -i -e -y -p -q -l -B -H -h -k -L -A -u -c -v -K

ssh-add
  -t= -s= -e= -D -d -L -l -x -X -k -K -q -c -v -H= -E= -T= : read*

ssh-agent
  !posix -a= -c -s -k -t= -d -D -E= : argv

ssh-copy-id
  -i=read -p= -o= -f -n -s : host

ssh-keyscan
  -t= -p= -f=read -T= -H -4 -6 -v -D -c : host*

gpg, gpg2, gpgv
  !act=system.gpg -o/--output=write -r/--recipient= -u/--local-user= --homedir=read --passphrase=
  --passphrase-file=read --passphrase-fd= --keyserver=host --batch --yes -e/--encrypt -d/--decrypt
  -s/--sign -c/--symmetric -a/--armor -b/--detach-sign --clearsign --import --export
  --export-secret-keys --export-secret-subkeys --delete-keys --delete-secret-keys
  --delete-secret-and-public-key --recv-keys --send-keys -k/--list-keys -K/--list-secret-keys
  --verify --keyring=both --pinentry-mode= --status-fd= --trust-model= --default-key=
  --cipher-algo= --edit-key --gen-key --full-generate-key --quick-gen-key --dearmor --fingerprint
  --refresh-keys --fetch-keys -q -v

age
  -o/--output=write -r/--recipient= -R/--recipients-file=read -i/--identity=read -e -d -a -p :
  read*

age-keygen
  -o=write -y : read*

openssl
  !raw !act=system.openssl !single -in=read -out=write -inkey=read -key=read -keyout=write
  -certfile=read -cert=read -CAfile=read -CApath=read -CA=read -CAkey=read -config=read
  -rand=read -writerand=write -connect=host -proxy=host -servername= -accept= -signkey=read
  -sign=read -verify=read -signature=read -kfile=read -pass= -passin= -passout= -k= -K= -iv= -S=
  -md= -days= -subj= -newkey= -outform= -inform= -extfile=read -extensions= -name= -engine=
  -port= -host=host -inkeyform= -pubin -pubout -d -e -a -nodes -noout -text -x509 -new -base64
  -salt -pbkdf2 -iter= -export -binary -hex -r -quiet -passwd= -url=url

pass, gopass, op, vault, bw, doppler, infisical, chamber, sops, keyring, secret-tool, lpass,
keepassxc-cli, aws-vault
  !sub !groups=item,vault,secret,secrets,kv,document,user,auth,operator,policy,token,lease

certbot, mkcert, acme.sh, step, cfssl
  -d= -m= --email= -n --cert-name= -w= : _*

getent, finger, nscd, sssd, realm, kinit, klist, kdestroy
  -s= -k -t=read -c= -V -f : _*

xclip, xsel, pbcopy, pbpaste, wl-copy, wl-paste, clip
  -selection= -sel= -i -o -b -p -t= -loops= -rmlastnl -n -c -f : read*

screencapture, scrot, grim, gnome-screenshot
  -x -c -i -s -d= -a -f= : write*

open, xdg-open, start, gnome-open, wslview, sensible-browser
  !act=network.opened -a= -b= -e -t -n -g -W -R --args -F

osascript
  !single !act=languages.osascript -e= -l= -s= -i

automator, shortcuts
  -i=read -D= -v : _*

plutil, PlistBuddy
  -convert= -o=write -c= -x -p -lint -replace= -insert= -remove= : both*

codesign, notarytool, xcrun, xcodebuild, lipo, otool, install_name_tool, pkgutil, pkgbuild,
productbuild, installer
  !single -pkg=read -target= -s= : _*

nm, objdump, readelf, objcopy, strip, ldd, size, addr2line, c++filt, gprof
  -R= -j= -o=write -O= -I= -d -D -t -T -x -h -S -s -a -l -n -W -p -g --only-section= --strip-debug
  --dump-section= : read*

ldconfig
  -n -r= -f=read -C= -v -p -N -X : _*

alternatives, update-alternatives
  --install=_,_ --set=_,_ --remove=_,_ --config= : _*

reg, setx, schtasks, wmic, icacls, takeown, vssadmin, bcdedit, net, sc, netsh, tasklist, taskkill,
robocopy, xcopy, del, erase, rd, format, diskpart, cipher, attrib, certutil, bitsadmin, mshta,
regsvr32, rundll32, msiexec, cscript, wscript
  : _*

fail2ban-client, postfix, sendmail, mail, mailx, mutt, msmtp, swaks
  -s= -a=read -A=read -r= -c= -b= -S= -f= -t -i -v --attach=read --to= --from= --server=host
  --body=input -H : _*

cpulimit
  !posix -p/--pid= -e/--exe= -P/--path= -l/--limit= -b -z -i -v : argv

renice
  -n= -p -g -u : _*

prlimit
  !posix -p/--pid= -o= --nofile= --nproc= : argv

pwgen, uuidgen, mcookie
  -s -y -n -c -r= -t : _*

doppler run, infisical run, op run, aws-vault exec, chamber exec, envchain
  !posix !act=builders.after_words -p/--project= -c/--config= --command=shell -t/--token=
  --env-file=read --env= --path= -d= -n --no-masking --duration= -s --account=

sops exec-env|exec-file
  --user= : read shell
"""
