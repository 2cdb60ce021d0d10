"""
Programs that talk to other machines.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
curl
  !act=network.curl -X/--request= -H/--header=input -d/--data/--data-ascii=input
  --data-binary=input --data-raw= --data-urlencode= --json=input -F/--form= --form-string=
  -T/--upload-file=read -o/--output=write -O/--remote-name -J/--remote-header-name
  --remote-name-all --output-dir=write -K/--config=read -u/--user= -U/--proxy-user=
  -x/--proxy/--preproxy=url --socks5=url --socks4=url --socks5-hostname=url -A/--user-agent=
  -e/--referer= -b/--cookie= -c/--cookie-jar=write -D/--dump-header=write --trace=write
  --trace-ascii=write --stderr=write --libcurl=write --etag-save=write --etag-compare=read
  --cacert=read --capath=read -E/--cert=read --key=read --netrc-file=read -n/--netrc
  --unix-socket=read --abstract-unix-socket= --url=url --url-query= --connect-to= --resolve=
  --dns-servers= --doh-url=url --interface= -m/--max-time= --connect-timeout= --retry=
  --retry-delay= --retry-max-time= --limit-rate= -r/--range= -C/--continue-at= -w/--write-out=
  -y/--speed-time= -Y/--speed-limit= -z/--time-cond= -t/--telnet-option= -Q/--quote= -P/--ftp-port=
  --ciphers= --cert-type= --key-type= --pass= --oauth2-bearer= --noproxy= --max-redirs=
  --max-filesize= --aws-sigv4= --mail-from= --mail-rcpt= --pinnedpubkey= --proto= --proto-redir=
  --proto-default= --tls-max= --variable= --create-file-mode= --engine= --hostpubmd5=
  --keepalive-time= --local-port= --login-options= --pubkey= --request-target= --service-name=
  --haproxy-clientip= --proxy-header= -L/--location --location-trusted -s/--silent -S/--show-error
  -f/--fail --fail-with-body -k/--insecure -v/--verbose -i/--include/--show-headers -I/--head
  -G/--get -g/--globoff -N/--no-buffer -#/--progress-bar -j/--junk-session-cookies -a/--append
  -B/--use-ascii -l/--list-only -p/--proxytunnel -q/--disable -R/--remote-time -0/--http1.0
  --http1.1 --http2 --http3 -1/--tlsv1 -2 -3 -4/--ipv4 -6/--ipv6 -Z/--parallel --compressed
  --create-dirs --digest --ntlm --basic --negotiate --anyauth --ssl-reqd --path-as-is --raw
  --tcp-nodelay --post301 --post302 --post303 --no-progress-meter -M/--manual -h/--help?
  -V/--version --remove-on-error --no-clobber --next/-: --parallel-max= --rate=

wget, wget2
  !act=network.wget -O/--output-document=write -o/--output-file=write -a/--append-output=write
  -i/--input-file=read -P/--directory-prefix=write -U/--user-agent= --header= --post-data=
  --post-file=read --body-data= --body-file=read --method= --user= --password= --http-user=
  --http-password= --proxy-user= --proxy-password= -e/--execute= -t/--tries= -T/--timeout=
  -w/--wait= --waitretry= --limit-rate= -Q/--quota= -l/--level= -A/--accept= -R/--reject=
  -D/--domains= --exclude-domains= -I= -X= --save-cookies=write --load-cookies=read
  --ca-certificate=read --certificate=read --private-key=read --referer=url --bind-address=
  --dns-timeout= --connect-timeout= --read-timeout= -B/--base=url --use-askpass=argv --config=read
  --cut-dirs= --default-page= --restrict-file-names= --secure-protocol= --ciphers=
  --warc-file=write --start-pos= --max-redirect= --progress= --reject-regex= --accept-regex=
  -q/--quiet -v -nv/--no-verbose -c/--continue -b/--background -r/--recursive -np/--no-parent
  -nc/--no-clobber -nd/--no-directories -nH/--no-host-directories -N/--timestamping -m/--mirror
  -k/--convert-links -p/--page-requisites -E/--adjust-extension -H/--span-hosts -L/--relative
  -S/--server-response -4 -6 -x -K -F -d --spider --no-check-certificate --content-disposition
  --delete-after --trust-server-names --no-proxy --show-progress -h -V

aria2c, axel, lftpget, ncftpget, httrack
  !act=network.download -d/--dir=write -o/--out/--output=write -i/--input-file=read -x= -s= -j= -k=
  -n= -c --header= -U= --http-user= --http-passwd= --on-download-complete=shell --referer=
  --max-tries= -q

http, https, xh, xhs, httpie, curlie
  !act=network.httpie -o/--output=write -d/--download -a/--auth= -f/--form -j/--json -p/--print= -v
  -h -b --follow --verify= --timeout= --session= --proxy= --cert=read --raw= --ignore-stdin -A= -S
  -I -c -F

nc, ncat, netcat, nc.openbsd, nc.traditional
  !act=network.netcat -e/--exec=shell -c/--sh-exec=shell -p/--source-port= -s/--source= -w/--wait=
  -q= -i/--idle-timeout= -G= -g= -o/--output=write -x/--hex-dump=write -X= -P= -I= -O= -T= -m=
  -l/--listen -k/--keep-open -n/--nodns -u/--udp -v -z -r -t -4 -6 -U/--unixsock -C/--crlf -d -D -N
  -S -b -F --lua-exec=script --proxy=host --proxy-type= --proxy-auth= --ssl --ssl-cert=read
  --ssl-key=read --allow= --allowfile=read --broker --chat --send-only --recv-only --no-shutdown

socat
  !act=network.socat -d -D -v -x -u -U -t= -T= -lf=write -L= -b= -ly -s -4 -6

telnet
  -l= -n=write -e= -b= -a -d -8 -4 -6 -E -K -L : host _

ftp, lftp, sftp, tftp, ncftp
  !act=network.ftp -b=script -e= -f=script -c= -u= -p= -P= -i=read -o= -F=read -J= -n -v -q -C -d
  -g -l= -R= -B= -s= -S=argv

scp, pscp
  !act=network.scp -c= -F=read -i=read -J=host -l= -o= -P= -S=shell -X= -D= -3 -4 -6 -A -B -C -O -p
  -q -r -R -s -T -v

rsync
  !act=network.rsync -e/--rsh=shell --rsync-path=away --exclude= --exclude-from=read --include=
  --include-from=read --files-from=read -f/--filter= --password-file=read --log-file=write
  --backup-dir=write -T/--temp-dir=write --compare-dest=read --copy-dest=read --link-dest=read
  -B/--block-size= -M= --bwlimit= --timeout= --port= --chmod= --chown= --suffix= --max-size=
  --min-size= --max-delete= --out-format= --info= --debug= --partial-dir= --skip-compress= --iconv=
  --address= --modify-window= --usermap= --groupmap= --sockopts= -a/--archive -v -z/--compress
  -r/--recursive -u/--update -n/--dry-run -h -P --progress --partial --delete/--del --delete-before
  --delete-during --delete-delay --delete-after --delete-excluded --remove-source-files
  --remove-sent-files --force --ignore-errors --inplace --existing --ignore-existing -l/--links
  -L/--copy-links -k -K -p/--perms -o/--owner -g/--group -t/--times -O -D -H -A -X -S -W -x
  -c/--checksum -b/--backup -R/--relative -m -C -i -q -4 -6 -0 -s -y

croc, wormhole, transfer, ffsend, magic-wormhole
  !sub

croc|wormhole send, ffsend upload
  --code= --text= : read*

ping, ping6, traceroute, traceroute6, tracepath, mtr, hping3, arping, fping
  -c= -i= -I= -s= -t= -w= -W= -m= -q -n -4 -6 -M= -p= -S= -f= -r -b -l= : host*

dig, nslookup, host, drill, whois, kdig, dog, delv
  !plus !act=network.dig -t= -p= -x= -q= -c= -b= -f=read -k=read -y= -h=host -4 -6 -type=

nmap, masscan, zmap, rustscan
  -p= -e= -iL=read -oN=write -oX=write -oG=write -oA=write --script= --exclude= -D= -S= -g= --rate=
  -T0 -T1 -T2 -T3 -T4 -T5 -sS -sV -A -O -v : host*

hydra, medusa, john, hashcat, sqlmap, nikto, gobuster, ffuf, wfuzz, dirb, wpscan, msfconsole,
msfvenom, responder, crackmapexec, evil-winrm, aircrack-ng
  -l= -L=read -p= -P=read -u=url -w=read -t= -o=write -x= -r=script -s= -h=host -M= -e= -f -v : _*

tcpdump, tshark, dumpcap, wireshark, ngrep
  -i= -w=write -r=read -c= -s= -C= -G= -W= -F=read -z= -Z= -f= -Y= -T= -e= -n -v -A -X -q -l -d= :
  _*

ngrok, cloudflared, localtunnel, lt, bore, frpc, chisel, tailscale, zerotier-cli, wg, wg-quick,
openvpn, tor, gost, inlets
  !sub !groups=tunnel,access,config --url=url --token= --config=read --hostname=host

ss, netstat
  -f= -A= -D= -F=read -t -u -l -n -p -a -r -i -s : _*

yt-dlp, youtube-dl, gallery-dl
  -o/--output= -f/--format= -P/--paths=write -a/--batch-file=read --cookies=both --exec=shell -x
  --audio-format= --proxy=url -u= -p= --config-location=read -r= -c -q : url*

smbclient
  !act=network.ftp -c/--command= -U/--user= -p/--port= -W/--workgroup= -I/--ip-address=host
  -A/--authentication-file=read -D/--directory= -L/--list=host -s= -N/--no-pass -k -m= -T=_,_

rpcclient, smbget, ldapsearch, ldapmodify, ldapadd, ldapdelete, snmpwalk
  -H=url -h=host -U= -u= -c= -p= -P= -W= -I=host -A=read -f=read -D= -w= -b= -y=read -x -N -L=host
  -s= -r : _*

grpcurl, websocat, wscat, evans, nats, mosquitto_pub, mosquitto_sub, kafkacat, kcat, kafka-topics,
kafka-topics.sh, rabbitmqadmin, rabbitmqctl, etcdctl, consul, nomad
  !act=network.address -h=host -t= -m= -c/--connect=url -b=host -d= -H= -p= -u= -P= -f=read
  --bootstrap-server=host --topic= --zookeeper=host --endpoints=url -plaintext -insecure : _*

w3m, lynx, links, elinks, chromium, chromium-browser, google-chrome, firefox
  -dump -source -o= -T= -I= -O= --headless --user-data-dir= --screenshot? : url*

ab, wrk, hey, siege, vegeta, k6, locust, oha
  !act=network.address -n= -c= -t= -d= -p=read -T= -H= -A= -m= -z= -q= -s=script -f=script -u=
  --header= -k : _*

ansible
  !act=wrapping.ansible -m/--module-name= -a/--args= -i/--inventory=read -u/--user= -b/--become -K
  -k -f/--forks= -l/--limit= -e/--extra-vars= --private-key=read --vault-password-file=read -t= -v
  -C/--check

ansible-playbook
  -i/--inventory=read -u= -b -K -k -f= -l= -e= -t/--tags= --private-key=read
  --vault-password-file=read -v -C/--check -D --skip-tags= --ask-vault-pass : script*

ansible-galaxy, ansible-vault, ansible-inventory, ansible-pull
  !sub -r=read -p= -U=url

salt, salt-call, puppet, chef-client, knife
  -G -L= -E -C -c= -l= -e= : _*
"""
