"""
Interpreters and compilers of languages.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
python, pythonw, ipython, ptpython, bpython, py
  !posix !act=languages.python -c= -m= -W= -X= -Q= -b -B -d -E -h -i -I -O -OO -P -q -s -S -t -u -v
  -V -x --check-hash-based-pycs= --version

node
  !posix !act=languages.node -e/--eval= -p/--print= -pe= -r/--require=read --import=read
  --loader=read --experimental-loader=read -C/--conditions= --input-type= --env-file=read
  --inspect? --inspect-brk? --max-old-space-size= --title= -i -c/--check --experimental-strip-types
  --no-warnings --watch --test --run= -h -v --stack-trace-limit= --icu-data-dir=
  --openssl-config=read --redirect-warnings=write --unhandled-rejections= --trace-warnings

ts-node, tsx, esno, swc-node, babel-node, coffee, zx
  !posix !act=languages.node -e/--eval= -p/--print= -r/--require=read -P/--project=read -T --esm
  -O= --tsconfig=read --watch --quiet --shell= --prefix=

perl
  !posix !act=languages.perl -e= -E= -n -p -i? -l~ -0~ -a -F= -M= -m= -I= -w -W -T -t -s -S -c -d?
  -D= -x? -u -U -v -X -f -h -g -C?

ruby, jruby, irb, truffleruby
  !posix !act=languages.ruby -e= -n -p -i? -l -a -F= -r= -I= -C=cwd -E= -K= -w -W? -x? -s -S -c -d
  -v -y -T? -U -0~ --enable= --disable= --yjit

php, php-cgi, hhvm
  !posix !act=languages.php -r= -R= -B= -E= -F=script -f=script -d= -c=read -z= -t=cwd -S= -a -i -l
  -m -n -q -s -v -w -e -C -H

lua, luac, texlua
  !posix !act=languages.lua -e= -l= -i -v -E -W

tclsh, wish, guile, scheme, racket, sbcl, clisp, ecl, gosh, csi, chez, jshell, groovy, scala,
kotlin, kotlinc, clojure, clj, bb, elixir, iex, escript, ocaml, runghc, runhaskell, ghci,
swipl, julia, R, Rscript, octave, matlab, gnuplot, maxima, sage, gjs, qjs, d8, js, io, janet,
fennel, hy, raku, perl6, rexx, v, nim, dotnet-script, csharp, q, apl, forth, gforth, gdbtui
  !posix !act=languages.other -e/--eval/--execute= -c= -E= -l/--load=script -s= -f=script -p= -i=
  -g= -r= -cp= --run= -noshell -S= -M= -m= -A= -d= -L= -q -h -v -n -b --slave --vanilla

erl
  !single !act=languages.other -eval/--eval= -run= -s= -pa= -pz= -config=read -sname= -name=
  -noshell -noinput -detached

java, javaw
  !posix !single -cp/-classpath/--class-path= -jar=script -D= -X= -m/--module= -p/--module-path=
  --add-opens= --add-exports= --add-modules= -javaagent= -agentlib= -version --version -ea -server
  : script _*

javac, kotlinc-jvm, scalac
  !single -cp/-classpath= -d=write -s=write -source= -target= -proc= -p= --release= -g -Xlint :
  read*

gcc, cc, g++, c++, clang, clang++, tcc, icc, ld, as, gfortran, nvcc, emcc, cpp
  !single -o=write -I= -L= -l= -D= -U= -x= -include=read -isystem= -T= -MF=write -MT= -MQ=
  -Xlinker= -Xcompiler= -arch= -target= -framework= -W= -O= -f= -m= -std= : read*

tsc, esbuild, swc, babel, rollup, webpack, vite, parcel, sass, lessc, postcss, tailwindcss
  -o/--out=write --outfile=write --outdir/--out-dir/--outDir=write -p/--project=read
  -c/--config=read -d=write -w/--watch --format= --target= : read*

flake8, pylint, mypy, pyright, shellcheck, yamllint, golangci-lint, hlint, bandit, vulture,
pyflakes, protoc, phpstan, psalm
  !like=@linter

eslint, prettier, prettierd, black, ruff, isort, autopep8, yapf, stylelint, biome, rome, rubocop,
shfmt, gofmt, gofumpt, goimports, rustfmt, clang-format, markdownlint, markdownlint-cli2,
terraform-fmt, djlint, standard, xo, oxlint, dprint, taplo, buf, sqlfluff, swiftlint, swiftformat,
ktlint, php-cs-fixer, autoflake, docformatter, pyupgrade, mdformat, yamlfmt, stylua, nixfmt,
alejandra, ocamlformat, sort-package-json, jsonlint
  !like=@linter !act=editing.formatter

@linter
  -c/--config/--config-file=read -o/--output-file=write --select= --ignore= --ext= --fix -i -w -d
  -f/--format= -l -n -j= -p= -s= -e= -x -m= -t= --exclude= --extend-exclude= --check --write
  --quiet -q -v --severity= --shell= --line-length= -I= -q : read*

pytest, py.test, jest, vitest, mocha, ava, tap, karma, cypress, playwright, rspec, phpunit, behave,
nose2, unittest, bats, testcafe, coverage, cucumber, minitest, pest, busted, gotestsum, storybook,
next, nuxt, astro, ng, vue, remix, gatsby, svelte-kit
  !act=builders.project -k= -m= -n= -p= -o= -c/--config=read --rootdir=cwd --junitxml=write --cov=
  -t= -e= -g= -r= -f= -j= -x -s -v -q -l --lf --maxfail= --tb= --durations= --timeout= --reporter=
  --browser= --spec= --project= -w -u --coverage --watch --run --ci --port=

make, bmake, ninja-make, nmake, mingw32-make, remake
  !act=builders.make -C/--directory=cwd -f/--file/--makefile=script -j/--jobs? -I/--include-dir=
  -l? -o= -W= -B -d -e -E/--eval= -i -k -n/--dry-run/--just-print -p -q -r -R -s -S -t -v -w -O?
  --no-print-directory

just
  !posix !act=builders.just -f/--justfile=script -d/--working-directory=cwd --set=_,_ --shell=
  -c/--command -l/--list -n/--dry-run -q -v -u -e --summary --evaluate --show= --dotenv-path=read

task, go-task, mage, invoke, inv, fab, doit, earthly, dagger, act, cake, grunt, gulp, jake,
redo, tup, moon, devbox, devcontainer
  !act=builders.project -f/--justfile/--taskfile/--file=script -d/--working-directory/--dir=cwd -C=
  -c= -l/--list -n/--dry-run -s -j= -W= -P= --set=_,_ --shell=

artisan
  !sub !act=languages.artisan --execute= --env= --force -n -q -v

django-admin, manage.py
  !sub !act=languages.django --settings= --pythonpath= -v= --noinput --no-input --database=
  -c/--command=

uvicorn, gunicorn, hypercorn, daphne, celery, streamlit, jupyter, jupyter-lab, voila, gradio,
luigi, airflow, dagster, prefect, mlflow, accelerate, torchrun, deepspeed, spark-submit,
http-server, serve, live-server, json-server, php-fpm, nginx, httpd, apachectl, apache2ctl, caddy,
haproxy, traefik, varnishd, squid
  !act=builders.served -b= -w= -k= -c=read -g= -p= -l= -f=read -t -s= -d= -o= -n= -A= --host=
  --port= --bind= --reload --config=read --workers= -h= -q

ffmpeg, ffprobe, ffplay
  !single !act=languages.ffmpeg -i=url -f= -c= -vf= -af= -ss= -t= -to= -r= -s= -b= -crf= -preset=
  -map= -loglevel= -v= -filter_complex= -codec= -vcodec= -acodec= -threads= -pix_fmt= -frames= -y
  -n -an -vn -hide_banner -re -stream_loop= -show_entries= -of= -select_streams= -print_format=
  -metadata= -q= -ar= -ac= -x= -movflags=

convert, magick, mogrify, identify, montage, compare, composite, gs, pandoc, wkhtmltopdf, inkscape,
pdftotext, pdftk, qpdf, soffice, libreoffice, latex, pdflatex, xelatex, lualatex, latexmk,
asciidoctor, sphinx-build, mkdocs, hugo, jekyll, dot, mmdc, plantuml, sox, exiftool, optipng,
jpegoptim, cwebp, rsvg-convert, tesseract, ps2pdf, weasyprint, marp
  !single !act=languages.converter -o=write --output=write -f= -t= -s= -d= -resize= -quality=
  -density= -T= -V= --template=read --filter=argv -r= -p= -q= -b= -outdir=write --outdir=write
  -shell-escape --shell-escape
"""
