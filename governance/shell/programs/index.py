"""
Which table holds a program: a process that meets one command reads one table.

A test holds this list to the tables.
"""

from __future__ import annotations

from typing import Final

INDEX: Final[dict[str, str]] = {
    "files": """
apropos b2sum b3sum badblocks basename blkdiscard blkid btrfs cd ceph cfdisk chattr chcon chflags
chgrp chmod chown cksum cp crc32 cryptsetup csplit dc3dd dcfldd dd del-cli df dir dirname diskutil
du e2fsck exa eza fallocate fd fdisk file file-rename find fsck fsck.ext4 fswatch fsync fuser gchmod
gcp gdisk getfacl getfattr ginstall gio gio-trash gls gvfs-trash hash hdiutil hdparm inotifywait
inotifywatch install link ln locate losetup ls lsattr lsblk lsd lsof lvcreate lvextend lvreduce
lvremove makeself md5 md5sum mdadm mkdir mke2fs mkfifo mkfs mkfs.btrfs mkfs.exfat mkfs.ext2
mkfs.ext3 mkfs.ext4 mkfs.f2fs mkfs.fat mkfs.ntfs mkfs.vfat mkfs.xfs mknod mkswap mktemp mlocate mmv
mount mv newfs newfs_apfs newfs_hfs nvme parted pathchk plocate prename pushd pvcreate pvremove
rclone readlink realpath rename resize2fs restorecon rimraf rip rm rmdir safe-rm scrub setfacl
setfattr sfdisk sg_format sgdisk sha1sum sha224sum sha256sum sha384sum sha512sum shar shasum shred
smartctl split sponge srm stat sum swapoff swapon sync tee touch trash trash-cli trash-put tree
truncate tune2fs type umount unlink updatedb vdir vgcreate vgreduce vgremove whatis whereis which
wipe wipefs xattr xfs_repair xxhsum zfs zpool
""",
    "texts": """
: [ [[ ack ag alias arch ast-grep awk banner base32 base64 basenc bat bc bg bind break bzcat bzgrep
cal cat clear cmp code codium colordiff colrm column comby comm compgen complete compopt continue
cowsay crudini cursor cut dasel date dc declare delta diff diff3 difft dirs disown dmesg dos2unix
echo ed egrep emacs emacsclient enable ex exit expand export expr factor false fc fg fgrep figlet
fmt fold fortune free fx gbase64 gdiff gedit getconf getopts ggrep glow gojq grep gron groups gsort
gvim gzcat hd head helix help hexdump hexyl history hostid hostname hx icdiff iconv id iostat jaq
jc jed jo jobs joe join jq kak kate last less let local locale logname logout lolcat lzcat mac2unix
mapfile mate mcedit mdcat micro mlr more most mpstat mvim nano ne nl nproc numfmt nvim nvimdiff od
paste patch pg pico popd pr print printenv printf pt ptx pwd read readarray readonly red reset
return rev rg rgrep rnano rpl rvim sar sd sdiff sed seq set shift shopt shuf sleep sort strings
stty subl suspend tac tail test tidy times toilet tomlq tput tr true tsort tty typeset ug ugrep ul
ulimit umask unalias uname unexpand uniq unix2dos unset uptime users uudecode uuencode vi view vim
vimdiff vimx vmstat w wait wc who whoami xmllint xmlstarlet xq xxd xzcat xzgrep yes yq zcat zed
zegrep zfgrep zgrep zless zmore zstdcat
""",
    "archives": """
7z 7za 7zr 7zz apack ar atool aunpack borg brotli bunzip2 bzip2 compress cpio dpkg-deb dtrx
duplicity funzip genisoimage gunzip gzip jar kopia lsar lz4 lzip lzma lzop mkisofs mksquashfs pax
pbzip2 pigz rar restic rpm2cpio tar unar uncompress unlzma unpigz unrar unsquashfs unxz unzip
unzstd xar xorriso xorrisofs xz zip zipinfo zstd
""",
    "system": """
PlistBuddy aa-complain aa-disable aa-enforce aa-teardown acme.sh addgroup addr2line adduser age
age-keygen alternatives anacron apparmor_parser arp arptables at atd atop atq atrm attrib
auditctl augenrules ausearch automator aws-vault batch bcdedit bitsadmin bless bootctl brctl btop
busctl bw c++filt capsh certbot certutil cfssl chage chamber chfn chkconfig chpasswd chsh cipher
clip codesign coredumpctl cpulimit cron crond crontab cscript csrutil defaults del delgroup
deluser depmod dhclient diskpart doppler dracut dscl dseditgroup dsimport ebtables efibootmgr
envchain erase ethtool fail2ban-client fcron fdesetup finger firewall-cmd format getcap
getenforce getent glances gnome-open gnome-screenshot gopass gpasswd gpg gpg2 gpgv gprof grim
groupadd groupdel groupmod grpck grub-install grub-mkconfig grub-reboot grub2-mkconfig halt
hostnamectl htop icacls ifconfig ifdown ifup infisical init insmod insserv install_name_tool
installer iotop ip ip6tables ip6tables-restore ip6tables-save ipset iptables iptables-legacy
iptables-nft iptables-restore iptables-save iw iwconfig journalctl kdestroy keepassxc-cli kexec
kextload kextunload keyring kill killall killall5 kinit klist kmod launchctl ldconfig ldd lipo
localectl logger loginctl logrotate lpass lsmod machinectl mail mailx mcookie mdutil mesg mkcert
mkinitcpio modinfo modprobe mshta msiexec msmtp mutt net netplan netsh networkctl networksetup
newgrp newusers nft nm nmcli notarytool notify-send nscd nvram nvtop objcopy objdump op open
openssl osascript osd_cat otool pass passwd pbcopy pbpaste pfctl pgrep pidof pkgbuild pkgutil
pkill plutil pmset postfix poweroff powertop prlimit productbuild profiles ps pstree pwck pwconv
pwgen rc-service rc-update rd readelf realm reboot reg regsvr32 renice resolvectl rfkill rmmod
robocopy route rundll32 say sc schtasks screencapture scrot scutil secret-tool security semanage
semodule sendmail sensible-browser service setcap setenforce setsebool setx shortcuts shutdown
size skill softwareupdate sops spctl ssh-add ssh-agent ssh-copy-id ssh-keygen ssh-keyscan sssd
start step strip sudoedit sv swaks sysadminctl sysctl systemctl systemd-tmpfiles systemsetup
takeown taskkill tasklist tc tccutil telinit timedatectl tkill tmpreaper tmpwatch tmutil top
udevadm ufw update-alternatives update-grub update-initramfs update-rc.d useradd userdel usermod
uuidgen vault vigr vipe vipw visudo vssadmin wall wl-copy wl-paste wmic wpa_cli write wscript
wslview xclip xcodebuild xcopy xcrun xdg-open xsel
""",
    "wrappers": """
- . and ash autossh background bash builtin busybox bwrap byobu caffeinate catatonit catchsegv
ccache cgexec choom chpst chronic chroot chrt circusctl clush cmd command concurrently coproc
coreutils cross-env cross-env-shell csh daemon daemonize dash dbclient dbus-launch dbus-run-session
direnv doas dotenv dotenvx dsh dtruss dumb-init eatmydata elvish emulate entr env env-cmd envdir
envuidgid errno et eval exec execlineb expect fakeroot faketty firejail fish flatpak-spawn flock
foreground foreman forever gdb genv gman gnice gnohup gosu gstdbuf gtime gtimeout gwatch heaptrack
honcho hyperfine i386 ifne initctl ionice ksh ld-linux-aarch64.so.1 ld-linux-x86-64.so.2
ld-linux.so.2 ld-musl-x86_64.so.1 ld.so lerna linux32 linux64 lldb ltrace man mispipe mksh monit
mosh nice nocache nocorrect nodemon noglob nohup not npm-run-all nsenter nu numactl nx or osh
overmind parallel parallel-ssh pdksh pdsh pee perf pidproxy pkexec please pm2 posh powershell proot
proxychains proxychains4 pssh pwsh repeat reptyr retry rksh rlwrap rr run-p run-s run0 runcon
runuser rush s6-envdir s6-setsid s6-setuidgid sccache sched schedtool screen script scriptreplay
setarch setlock setpriv setsid setuidgid sg sh shx slogin softlimit source ssh sshpass
start-stop-daemon stdbuf strace su su-exec sudo supervisorctl systemd-cat systemd-inhibit
systemd-nspawn systemd-run taskset tcsh time timeout tini tmux torify torsocks toybox trap truss ts
tsocks turbo uname26 unbuffer unshare valgrind watch watchexec watchman-make wireit with-contenv wsl
x86_64 xargs xinit xonsh xvfb-run yash ysh zsh
""",
    "network": """
ab aircrack-ng ansible ansible-galaxy ansible-inventory ansible-playbook ansible-pull
ansible-vault aria2c arping axel bore chef-client chisel chromium chromium-browser cloudflared
consul crackmapexec croc curl curlie delv dig dirb dog drill dumpcap elinks etcdctl evans
evil-winrm ffsend ffuf firefox fping frpc ftp gallery-dl gobuster google-chrome gost grpcurl
hashcat hey host hping3 http httpie https httrack hydra inlets john k6 kafka-topics
kafka-topics.sh kafkacat kcat kdig knife ldapadd ldapdelete ldapmodify ldapsearch lftp lftpget
links localtunnel locust lt lynx magic-wormhole masscan medusa mosquitto_pub mosquitto_sub
msfconsole msfvenom mtr nats nc nc.openbsd nc.traditional ncat ncftp ncftpget netcat netstat
ngrep ngrok nikto nmap nomad nslookup oha openvpn ping ping6 pscp puppet rabbitmqadmin
rabbitmqctl responder rpcclient rsync rustscan salt salt-call scp sftp siege smbclient smbget
snmpwalk socat sqlmap ss tailscale tcpdump telnet tftp tor tracepath traceroute traceroute6
transfer tshark vegeta w3m websocat wfuzz wg wg-quick wget wget2 whois wireshark wormhole wpscan
wrk wscat xh xhs youtube-dl yt-dlp zerotier-cli zmap
""",
    "versions": """
bfg bzr cvs darcs fossil gh git git-filter-repo git-secrets gitleaks glab hg husky hut jj
lefthook p4 pijul pre-commit repo sl svn svnadmin tea trufflehog
""",
    "packages": """
add-apt-repository alien ant apk apt apt-add-repository apt-cache apt-file apt-get apt-key
apt-mark aptitude asdf bazel bazelisk brew buck buck2 build bun bundle bundler bunx cabal cargo
carthage checkinstall choco cmake cnpm composer conda cordova corepack cpack crystal ctest dart
debconf-set-selections debootstrap deno dnf dotnet dpkg dpkg-reconfigure dub eas easy_install
emerge eopkg expo fastlane flatpak flit flutter fnm fpm gem gleam go goenv gradle gradlew guix
hatch installpkg ionic jenv lein mamba mas meson microdnf micromamba mise mix msbuild mvn mvnw n
nala nimble ninja nix nix-build nix-channel nix-collect-garbage nix-env nix-shell nix-store
nixos-rebuild nodenv nox npm npx nuget nvm opam opkg packagekit pacman pants paru pdm pikaur pip
pip-compile pip-sync pipenv pipx pixi pkcon pkg pkg_add pkg_delete pkgin pnpm pnpx pod poetry
port ports premake5 proto pub pyenv python-build rake rbenv rebar3 removepkg rpm rtx rustc rustup
rye sbt scons scoop sdk shards slackpkg snap stack swift swupd tdnf thor tlmgr tox trizen tuist
twine urpmi uv uvx volta waf winget xbps-install xbps-remove xmake yarn yay yum zig zypper
""",
    "containers": """
VBoxManage amplify apptainer argocd bsub buildah cdk cdktf checkov clusterctl colima copilot cosign
crane crictl crossplane ctr devspace distrobox distrobox-enter dive docker docker-compose eksctl
flux govc grype hadolint helm helmfile img incus infracost inspec istioctl k3d k3s k9s kaniko kind
kops kube-bench kubeadm kubectl kubectx kubens kustomize kvm limactl linkerd lxc lxc-attach
microk8s.kubectl minikube multipass notation oc oras orb packer pct podman podman-compose prlctl
pulumi qemu-img qemu-nbd qemu-system-aarch64 qemu-system-x86_64 qm qsub rancher regctl salloc sam
sbatch serverless singularity skaffold skopeo sls slsa-verifier snyk srun sst stern syft talosctl
tart terraform terragrunt tfsec tilt toolbox trivy vagrant vboxmanage velero virsh virt-install
vmrun
""",
    "clouds": """
abctl acli adb aiven akamai akeyless algolia aliyun anchor anyscale app-store-connect appcenter
apprise appwrite aptible aptos arduino-cli arduino-cloud-cli asana astra auth0 avn avrdude aws
aws2 awslocal az azcopy badmin balena beam bentoml berglas bitcoin-cli bitrise bk bkill bosh box
bq brev bsky bstop buildkite bunny butler capgo caprover cardano-cli cast ccloud cerebrium cf
cfcli cfgutil chrome-webstore-upload chrome-webstore-upload-cli circleci civo clearml-data
clearml-task clerk clever cli53 cloudflare cloudsmith code-push code-push-standalone cog cohere
comet concourse condor_drain condor_off condor_rm configcat confluent contentful convex copr
copr-cli courier cws cyclic dask databricks datadog-ci dataform dbt deployctl dfu-util dfx
discord dnscontrol dnsimple doctl docusaurus dokku drone drush dstack dvc eb ecctl edl elastic
electrum equinix espefuse esptool exo expo-cli faas-cli fastboot fastly fauna feast firebase
firectl flagsmith flarectl flashrom flipt flux-job fly flyctl fn fw_setenv fwupdmgr gaiad gam
gandi gcalcli gcloud gcrane gdrive geth gh-pages ghost ghp-import go-sendxmpp godaddy google-play
gotify gradient grafanactl grafbase grizzly growthbook grr gsutil gyb ha hadoop harness hass-cli
hasura hcloud hdfs heimdall heroku hexo hf himalaya hs hub-tool huggingface-cli ibmcloud
idevicebackup2 idevicediagnostics ideviceinstaller idevicerestore idf.py inngest inwx ios-deploy
ipmitool jenkins-cli jenkins-jobs jf jfrog jira kaggle kestra kinsta knotc koyeb lambda-cloud
launchdarkly ldcli lexicon lightning lightning-cli lightsail linear linode-cli lncli m365
mailchimp mailgun mailsend mantle mapred matrix-commander mc mcli meltano mender-cli messagebird
metal mgc mike mmctl modal monero-wallet-cli mpack msstore mtk n8n namecheap nctl near nebius
neomutt neon neonctl neptune netlify newrelic nexmo nexus3 nhost northflank notion now nrfjprog
nrfutil ns1 ntfy nvidia-smi oardel oci octavia octez-client octodns-sync octopus okta openai
openocd openstack opsgenie optimizely osc ovhcloud ovsx packagecloud pagerduty paperspace
particle pbsnodes pd pdnsutil picotool pio planetscale platform platformio plesk plivo porkbun
porter postmark prismic probe-rs pscale publish-browser-extension pushover pymobiledevice3 pyocd
qconf qdel qmgr qmod qovery quarto quay racadm railway ray rdme redisctl render render-cli
replicate resend rkdeveloptool rocm-smi rojo rsconnect runpodctl s-nail s3cmd s4cmd s5cmd sacct
sacctmgr sanity scalingo scancel scontrol scw sem sendemail sendgrid sendxmpp sentry-cli sf sfdx
shopify shorebird signal-cli sinfo sky slack slackcat snow solana spacectl spin spinnaker
spl-token sqlmesh squeue ssmtp st-flash stackit starkli statsig statuspage steamcmd stellar
storyblok strapi stripe stytch sui supabase surge tb tccli tcli tctl telegram-cli telegram-send
teller temporal terminus terraform-docs tfc tfe tflint tfx tinybird todoist together toot travis
trello triton turso twilio twurl uapi unleash upctl upstash upsun vastai vercel vonage vsce
vultr-cli wandb wasmer web-ext webflow whmapi1 wingetcreate wix woodpecker-cli workos wp wrangler
xata xcode-select yarn-app yc zapier zbctl zeabur zeet zenml
""",
    "databases": """
alembic arangosh athenacli atlas bcp beeline cbq clickhouse clickhouse-client clusterdb cockroach
cockroach-sql couchdb cqlsh createdb createuser cypher-shell db2 dbmate diesel drizzle-kit dropdb
dropuser duckdb edgedb elasticdump es esrally expdp flask flyway goose hbase hive impala-shell
impdp influx influxd initdb iredis isql kdb knex liquibase litecli memcached migrate mongod
mongodump mongoexport mongoimport mongorestore mongosh mycli mydumper myloader mysql mysqladmin
mysqld mysqld_safe mysqldump mysqlimport mysqlpump osql pg_basebackup pg_ctl pg_dump pg_dumpall
pg_isready pg_resetwal pg_restore pg_rewind pg_upgrade pgcli postgres presto prisma psql rails
redis-cli redis-server reindexdb rman sequelize sequelize-cli snowsql spark-sql sqitch sql
sqlcipher sqlcmd sqlite3 sqlplus sqlx surreal trino tsql typeorm usql vacuumdb vertica vsql
""",
    "languages": """
R Rscript accelerate act airflow alejandra apache2ctl apachectl apl artisan as asciidoctor astro
autoflake autopep8 ava babel babel-node bandit bats bb behave biome black bmake bpython buf busted
c++ caddy cake cc celery chez clang clang++ clang-format clisp clj clojure coffee compare composite
convert coverage cpp csharp csi cucumber cwebp cypress d8 dagger dagster daphne deepspeed devbox
devcontainer django-admin djlint docformatter doit dot dotnet-script dprint earthly ecl elixir emcc
erl esbuild escript eslint esno exiftool fab fennel ffmpeg ffplay ffprobe flake8 forth g++ gatsby
gcc gdbtui gforth gfortran ghci gjs gnuplot go-task gofmt gofumpt goimports golangci-lint gosh
gotestsum gradio groovy grunt gs guile gulp gunicorn haproxy hhvm hlint http-server httpd hugo hy
hypercorn icc identify iex inkscape inv invoke io ipython irb isort jake janet java javac javaw
jekyll jest jpegoptim jruby js jshell json-server jsonlint julia jupyter jupyter-lab just karma
kotlin kotlinc kotlinc-jvm ktlint latex latexmk ld lessc libreoffice live-server lua luac lualatex
luigi mage magick make manage.py markdownlint markdownlint-cli2 marp matlab maxima mdformat
mingw32-make minitest mkdocs mlflow mmdc mocha mogrify montage moon mypy next ng nginx nim
ninja-make nixfmt nmake node nose2 nuxt nvcc ocaml ocamlformat octave optipng oxlint pandoc parcel
pdflatex pdftk pdftotext perl perl6 pest php php-cgi php-cs-fixer php-fpm phpstan phpunit plantuml
playwright postcss prefect prettier prettierd protoc ps2pdf psalm ptpython py py.test pyflakes
pylint pyright pytest python pythonw pyupgrade q qjs qpdf racket raku redo remake remix rexx rollup
rome rspec rsvg-convert rubocop ruby ruff runghc runhaskell rustfmt sage sass sbcl scala scalac
scheme serve shellcheck shfmt soffice sort-package-json sox spark-submit sphinx-build sqlfluff squid
standard storybook streamlit stylelint stylua svelte-kit swc swc-node swiftformat swiftlint swipl
tailwindcss tap taplo task tcc tclsh terraform-fmt tesseract testcafe texlua torchrun traefik
truffleruby ts-node tsc tsx tup unittest uvicorn v varnishd vite vitest voila vue vulture weasyprint
webpack wish wkhtmltopdf xelatex xo yamlfmt yamllint yapf zx
""",
    "agents": """
agy aider amp auggie claude claude-code cline cn codex crush cursor-agent droid forge gemini
gemini-cli governance grok iflow interpreter kilo kilocode kimi kiro-cli opencode openhands
plandex qodo qwen qwen-code rovodev vibe
""",
}
