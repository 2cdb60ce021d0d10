"""
Package managers: of languages and of systems.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
@npm
  !sub !groups=cache,config,access,org,team,token,owner,profile,dist-tag,hook,npm,workspace
  !groups=plugins,store,pm,global --prefix=cwd -C=cwd --registry=url -w/--workspace= --loglevel=
  --userconfig=read --cache= --tag= --otp= --access= --omit= --include= -g/--global -D/--save-dev
  -S/--save -E/--save-exact -P -O -B --save-peer -f/--force -s/--silent -y/--yes --ignore-scripts
  --legacy-peer-deps --dry-run --no-audit --no-fund --if-present --workspaces --production --json
  -v --filter= -F= -r --recursive --dir=cwd --cwd=cwd --script-shell=shell

@system
  -y/--yes/--assume-yes -q/--quiet -qq --force-yes -d/--download-only -s/--simulate/--dry-run
  -f/--fix-broken -m --no-install-recommends --install-recommends --purge --auto-remove
  --autoremove --reinstall --allow-downgrades --allow-remove-essential --allow-unauthenticated
  --allow-change-held-packages --only-upgrade --no-upgrade --show-progress -t/--target-release=
  -o/--option= -c/--config-file=read -a= --allowerasing --nobest --nogpgcheck --enablerepo=
  --disablerepo= --repo= --installroot=write -x/--exclude= -b --setopt= --releasever= --skip-broken
  --best

npm, pnpm, yarn, cnpm
  !like=@npm

npm|pnpm|yarn run|run-script|test|start|stop|restart|rebuild|t|tst|build, npm|pnpm install-test,
npm install-ci-test, yarn node
  !act=builders.package_script

npm|pnpm|yarn exec|x|dlx
  !posix !act=builders.package_exec -c/--call=shell -p/--package=

npm|pnpm pkg
  -w/--workspace= --workspaces --json

npm explore
  !act=builders.after_dashes

npm|pnpm|yarn publish|unpublish|pack|deprecate
  --pack-destination=write --git-checks --no-git-checks : read*

npm create|init, yarn create, pnpm create
  !act=builders.package_script -y

npm|pnpm config set|get|delete|list|edit, yarn config set|get|unset
  -L= --location=

npx, pnpx, bunx
  !posix !act=builders.package_exec -p/--package= -c/--call=shell -y/--yes -q --no-install --no
  --bun --ignore-existing --userconfig=read

bun
  !sub !groups=pm !act=builders.bun --cwd=cwd -c=read --config=read -e/--eval= -p/--print= --watch
  --hot -b --bun -i -r= --silent --filter= --env-file=read

bun run|test|create|build
  !act=builders.package_script --outdir=write --outfile=write --target=

bun x
  !posix !act=builders.package_exec --bun

deno
  !sub !act=languages.deno -c/--config=read --lock= --import-map=read -L= -q -A/--allow-all -N -R
  -W -E -S --allow-read? --allow-write? --allow-net? --allow-run? --allow-env? --unstable

deno run|test|bench|compile|serve|task|eval|x|repl
  !posix !act=languages.deno -o/--output=write -p --ext= -r --eval= --no-check? --watch?
  --env-file? --v8-flags=

corepack, volta, nvm, fnm, n, asdf, rbenv, pyenv, nodenv, goenv, jenv, sdk, mise, rtx, rustup,
proto, hatch, pdm, rye, pixi
  !sub !groups=toolchain,target,component,env,self

mise|rtx|asdf|pyenv|rbenv|fnm|volta|nodenv|rustup exec|x|run
  !posix !act=builders.version_run -c= --install --using= --node=

pip
  !sub !groups=cache,config,index !act=network.package -r/--requirement=read -c/--constraint=read
  -e/--editable= -t/--target=write -i/--index-url=url --extra-index-url=url -f/--find-links=url
  --proxy=url --cert=read --client-cert=read --trusted-host=host --log=write --cache-dir=
  --root=write --prefix=write --src=write -d/--dest=write -w/--wheel-dir=write --platform=
  --python-version= --python= --timeout= --retries= --no-binary= --only-binary= --report=write
  --config-settings= --exists-action= -U/--upgrade --user -y/--yes -q/--quiet -v --pre --no-deps
  --force-reinstall --ignore-installed -I --break-system-packages --no-cache-dir
  --no-build-isolation --dry-run --no-input --disable-pip-version-check --isolated --require-hashes
  --upgrade-strategy=

pipx
  !sub --python= --index-url/-i=url --pip-args= --suffix= --include-deps -f --force
  --system-site-packages --spec=

pipx run
  !posix !act=builders.package_exec --spec= --no-cache --python= --pypackages --pip-args=

pipx runpip
  !posix : _ _*

uv
  !sub !groups=pip,tool,python,cache,self,auth --project=cwd --directory=cwd --python/-p=
  --index-url/-i=url --index=url --default-index=url --extra-index-url=url --cache-dir=
  --config-file=read -q -v --offline --no-cache/-n --color= --with= --from= --find-links/-f=url

uv run
  !posix !act=builders.run_words --with= --with-requirements=read --with-editable= --extra=
  --group= --only-group= --env-file=read -m/--module -s/--script --no-project --isolated --frozen
  --locked --no-sync --active --all-extras --all-groups --dev --no-dev --refresh -w= --gui-script

uv tool install|uninstall|upgrade
  --from= --with= --with-requirements=read -p= --python= --index-url=url --index=url --force -U
  --upgrade --all -e/--editable -q --no-cache --offline : _*

uv tool run, uvx
  !posix !act=builders.package_exec --from= --with= --with-requirements=read --isolated -p=
  --python= --index-url=url --index=url --refresh --force -U --upgrade -q --no-cache --offline
  --env-file=read

uv pip install|sync|uninstall|compile|freeze|list
  -r/--requirement=read -c/--constraint=read -e/--editable= --target=write --prefix=write --system
  -U --upgrade --no-deps -o/--output-file=write -y --reinstall --all-extras --break-system-packages
  --trusted-host=host --allow-insecure-host=host

uv add|remove|sync|lock|publish|build|init|venv|export|tree
  -r/--requirements=read --dev --group= --extra= --optional= --editable -o/--output-file=write
  --out-dir=write -t/--token= -u/--username= --publish-url=url --password= --frozen --locked
  --upgrade -U --script=both --tag= --branch= --rev= --format= --wheel --sdist

poetry
  !sub !groups=env,source,config,self,cache -C/--directory=cwd -P/--project=cwd -n/--no-interaction
  -q -v --no-plugins -G/--group=

poetry run, pipenv run, hatch run, pdm run, rye run, pixi run, conda run
  !posix !act=builders.run_words -n/--name= -p/--prefix= --no-capture-output --live-stream
  --cwd=cwd -e=

poetry publish|build
  -r/--repository= -u/--username= -p/--password= --build --dry-run --cert=read --skip-existing
  -f/--format= -o/--output=write

pipenv
  !sub -r=read --python= --pypi-mirror=url --dev -d

conda, mamba, micromamba
  !sub !groups=env,config -n/--name= -p/--prefix=write -c/--channel= -f/--file=read -y/--yes -q
  --override-channels --all --solver= --json

easy_install, pip-compile, pip-sync, twine, flit, tox, nox
  -r/--repository= -i= -u/--username= -p/--password= --repository-url=url --config-file=read
  -o/--output-file=write -e= -s= -f= : _*

python-build, build
  -o=write -w -s -n : _*

cargo
  !plus !sub --manifest-path=read -p/--package= --features/-F= --target= --target-dir=write
  -j/--jobs= --config= -Z= --color= --bin= --example= --test= --bench= --profile= -C=cwd --exclude=
  -q -v --release/-r --all --workspace --all-features --no-default-features --offline --locked
  --frozen

cargo run|test|bench|build|check|nextest|miri|clippy
  !posix !act=builders.project

cargo watch
  -x/--exec= -s/--shell=shell -w/--watch= -i/--ignore= -d/--delay= -C/--workdir=cwd -c/--clear -q
  --features= -B=

cargo install|uninstall|add|remove|publish|yank|owner|login|search|init|new|fetch
  --git=url --branch= --tag= --rev= --path=read --registry= --index=url --root=write
  --version/--vers= --token= --dry-run --allow-dirty --no-verify --force/-f --undo -a/--add=
  -r/--remove= --dev --build --rename=

rustc
  -o=write --out-dir=write -C= -L= -l= --crate-name= --crate-type= --edition= --emit= -O -g : read*

go
  !sub !groups=mod,work,tool -C=cwd

go run
  !posix !single -exec=shell -tags= -ldflags= -gcflags= -mod= -race -v -x -work : script _*

go generate
  !single !act=builders.project -run= -v -x

go test|build|install|get|vet|fmt|clean|env
  !single -o=write -exec=shell -toolexec=shell -run= -tags= -ldflags= -gcflags= -mod= -count=
  -timeout= -bench= -coverprofile=write -cpuprofile=write -p= -w -u -cache -modcache -testcache
  -race -v -x -i -r -n -json -parallel= -overlay=read

gem
  !sub -v/--version= -s/--source=url -i/--install-dir=write -n/--bindir=write -P=
  -p/--http-proxy=url -k/--key= -f/--force --host=url --user-install -N --no-document -a -x -I -q

bundle, bundler
  !sub --path=write --gemfile=read -j= --jobs= --without= --with= --deployment --local --retry=

bundle|bundler exec
  !posix --keep-file-descriptors --gemfile=read : argv

rake, thor
  !act=builders.rake -f/--rakefile=script -C/--directory=cwd -e/--execute= -E= -p= -I= -r= -j=
  -T -n -t

composer
  !sub !groups=global -d/--working-dir=cwd -n -q -v --no-scripts --no-dev --no-plugins
  --prefer-dist -o -a

composer run-script|run|exec|install|update|create-project
  !act=builders.composer --timeout= --dev -W -w --with= -s=

mix, rebar3, gradle, gradlew, mvn, mvnw, sbt, lein, ant, dotnet, msbuild, nuget, stack, cabal,
swift, flutter, dart, pub, zig, dub, nimble, opam, shards, crystal, gleam, bazel, bazelisk, buck,
buck2, pants, meson, ninja, scons, waf, ctest, cpack, xmake, premake5, ionic, cordova, expo,
eas, fastlane, pod, carthage, tuist
  !single !act=builders.build_tool -f=read -b=read -p=cwd -C=cwd -s=read -pl= -P= -D= -B=write -G=
  -j= -S=read -DskipTests -t= --build=write --target= --config= --prefix=write --install=read -c=
  -o=write -x= -I=read --init-script=read --project-dir=cwd --file=read -e=

cmake
  !single !act=builders.cmake -S=read -B=write -D= -G= -P=read -E -j= --build=write --target=
  --config= --install=read --prefix=write --preset= -C=read

flatpak run
  !posix !act=wrapping.boxed --command= --share= --filesystem= --socket= --device= --env= --cwd=cwd
  --branch= --arch= -d -p

snap run
  !posix !act=wrapping.boxed --shell --hook= --trace-exec --strace?

apt, apt-get, aptitude, apt-cache, apt-mark, apt-file, nala
  !sub !like=@system

dnf, yum, microdnf, tdnf
  !sub !like=@system !groups=config-manager,module,group,history

zypper, emerge, xbps-install, xbps-remove, eopkg, swupd, guix, urpmi, opkg, tlmgr, ports, port,
pkgin, pkg, pkg_add, pkg_delete, slackpkg, installpkg, removepkg
  !sub !like=@system

apk
  !sub -U -u -t/--virtual= -X/--repository=url -p/--root=write --no-cache --allow-untrusted -q -f
  --force --keys-dir= --initdb --update-cache --purge

dpkg
  !act=files.dpkg -i/--install -r/--remove -P/--purge -l/--list -L/--listfiles -S/--search
  -s/--status --configure --unpack -a/--pending --force-all --force-depends --force? --root=write
  --admindir=write --get-selections --set-selections --add-architecture= -x/--extract -I -c -b
  --purge --print-architecture

dpkg-reconfigure, debconf-set-selections, add-apt-repository, apt-add-repository, apt-key,
debootstrap
  !act=network.address -y/--yes -f= -p= -r/--remove -n -k --keyserver=host --recv-keys= --priority=
  -u -P= -S= -U= : _*

rpm
  !act=network.address -i/--install -U/--upgrade -F -e/--erase -q/--query -V -a -l -f -p --nodeps
  --force --import --root=write --noscripts --test -v -h --percent --allfiles --justdb

pacman, yay, paru, pikaur, trizen
  -S/--sync -R/--remove -Q/--query -U/--upgrade -D -T -F -s -y -u -c -n -d -i -l -o -q -w -a -e -m
  -t -k -g -p --noconfirm --needed --overwrite= --ignore= --config=read -b/--dbpath=
  -r/--root=write --cachedir= --cascade --recursive --nosave --asdeps --asexplicit : _*

brew
  !sub !groups=services,bundle,analytics --cask --formula -f/--force -q -v -d --build-from-source
  -s --HEAD --appdir= -n --zap --ignore-dependencies --greedy --no-quarantine --debug --git
  --file=read --global

mas, choco, scoop, winget, snap, flatpak, pkcon, packagekit
  !sub !act=builders.flatpak -y --id= --source= --classic --dangerous --devmode --channel= --purge
  --revision= -e -h --version= --user --system --no-prompt --delete-data

nix
  !sub !groups=flake,profile,store,registry,derivation --extra-experimental-features= --impure
  -f/--file=read -I= --option=_,_ --arg=_,_ --argstr=_,_ --expr= -L

nix run|shell|develop
  !act=builders.nix -c/--command= -i --ignore-environment -k=

nix-shell, nix-env, nix-build, nix-store, nix-collect-garbage, nix-channel, nixos-rebuild
  -p -i= -A= -I= --run=shell --command=shell --pure -e= -f=read -E= -d -r -u -q -o=write --arg=_,_
  --argstr=_,_ --option=_,_ : _*

alien, fpm, checkinstall
  -d -r -i -k -s= -t= -n= -v= -C=cwd -p=write : _*
"""
