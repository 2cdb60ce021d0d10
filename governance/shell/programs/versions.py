"""
Version control, and the command lines of the places that keep it.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
@remote
  -q/--quiet -v/--verbose -4 -6 -j/--jobs= --upload-pack=shell --depth= --shallow-since=

git
  !posix !sub
  !groups=remote,stash,submodule,worktree,bisect,notes,reflog,sparse-checkout,bundle,lfs
  !groups=flow,svn,replace,maintenance,commit-graph,subtree,annex !act=git.plain -C=cwd -c=
  --exec-path? --git-dir=read --work-tree=cwd --namespace= --super-prefix= --config-env=
  -p/--paginate -P/--no-pager --no-replace-objects --bare --literal-pathspecs --glob-pathspecs
  --noglob-pathspecs --icase-pathspecs --no-optional-locks --attr-source= --version --help
  --html-path --man-path

git push
  !act=git.remote --all/--branches --mirror --tags --follow-tags -f/--force --force-with-lease?
  --force-if-includes --no-force-with-lease -d/--delete -n/--dry-run --porcelain --prune
  -u/--set-upstream --repo= -o/--push-option= --receive-pack/--exec=shell --signed? --no-verify
  --atomic --recurse-submodules= -q/--quiet -v/--verbose --progress --thin --no-thin -4 -6 --verify
  --no-signed

git pull|fetch
  !like=@remote !act=git.remote --all -a/--append --deepen= --unshallow --update-shallow -n
  --dry-run -f/--force -k/--keep -p/--prune -P/--prune-tags --refmap= -t/--tags
  --recurse-submodules? -o= --negotiation-tip= --set-upstream -r/--rebase? --ff --no-ff --ff-only
  --commit --no-commit --squash -s/--strategy= -X/--strategy-option= --autostash -S?
  --allow-unrelated-histories -u --filter= --no-rebase

git clone
  !like=@remote !act=git.clone -l/--local --no-hardlinks -s/--shared --reference=read
  --reference-if-able=read --dissociate -n/--no-checkout --bare --mirror -o/--origin= -b/--branch=
  -u=shell --template=read -c/--config= --shallow-exclude= --single-branch --no-tags
  --recurse-submodules? --recursive --separate-git-dir=write --filter= --sparse --server-option=
  --bundle-uri=url

git ls-remote|archive
  !act=git.remote --upload-pack=shell --exec=shell -h/--heads/--branches -t/--tags --refs -q
  --exit-code --get-url --sort= --symref -o/--output=write --remote=url --format= --prefix=
  --add-file=read

git remote
  !act=git.plain -v/--verbose

git remote add|set-url
  !act=git.remote_add -t= -m= -f --tags --no-tags --mirror? --push --add --delete

git remote remove|rm|rename|prune|update|show|get-url|set-head|set-branches
  -n -p --all --push -a -d --add

git submodule add
  -b/--branch= -f/--force --name= --reference= --depth= -q : url write

git submodule foreach
  !posix !act=git.foreach -q/--quiet --recursive

git submodule update|init|sync|deinit|status|summary|set-url|set-branch|absorbgitdirs
  -f/--force --all --init --recursive --remote --depth= --reference= -q --jobs= -j= -b=

git checkout
  !act=git.checkout -q -f/--force --ours --theirs -b= -B= -t/--track? --no-track -l -d/--detach
  --orphan= -m/--merge --conflict= -p/--patch --pathspec-from-file=read --no-guess --overlay
  --no-overlay --recurse-submodules --ignore-skip-worktree-bits --ignore-other-worktrees

git restore
  -s/--source= -p/--patch -W/--worktree -S/--staged -q --progress --ours --theirs -m/--merge
  --conflict= --ignore-unmerged --overlay --pathspec-from-file=read : write*

git switch
  -c/--create= -C/--force-create= -d/--detach -f/--force --discard-changes -m/--merge --orphan=
  -t/--track? -q --guess --no-guess --ignore-other-worktrees

git clean
  !act=git.clean -f/--force -d -n/--dry-run -q/--quiet -x -X -i/--interactive -e/--exclude=

git rm
  !act=git.rm -f/--force -n/--dry-run -r --cached -q/--quiet --ignore-unmatch --sparse
  --pathspec-from-file=read

git mv
  -f/--force -k -n/--dry-run -v : move* write

git add|stage
  -n/--dry-run -v -f/--force -i/--interactive -p/--patch -e/--edit -u/--update -A/--all
  -N/--intent-to-add --refresh --ignore-errors --renormalize --chmod= --sparse
  --pathspec-from-file=read : read*

git commit
  -a/--all -p/--patch -C/--reuse-message= -c/--reedit-message= --fixup= --squash= --reset-author
  --short --porcelain -F/--file=read --author= --date= -m/--message= -t/--template=read
  -s/--signoff -n/--no-verify --verify --allow-empty --allow-empty-message --cleanup= -e/--edit
  --no-edit --amend -i/--include -o/--only -u? -v -q --dry-run --status -S/--gpg-sign?
  --no-gpg-sign --trailer= --no-post-rewrite --pathspec-from-file=read

git reset
  !act=git.reset -q --soft --mixed --hard --merge --keep -p/--patch -N --pathspec-from-file=read
  --refresh --recurse-submodules

git rebase
  -i/--interactive --onto= --keep-base --continue --skip --abort --quit --edit-todo
  --show-current-patch -m/--merge -s/--strategy= -X= -S? -q -v --stat -n --no-verify --verify -C=
  -f/--force-rebase/--no-ff --fork-point --ignore-whitespace --committer-date-is-author-date
  --signoff -x/--exec=shell --root --autosquash --no-autosquash --autostash --rebase-merges? -r?
  --update-refs --empty= --reschedule-failed-exec

git merge|cherry-pick|revert
  -n -m= --mainline= --stat --no-stat --squash --no-squash --commit --no-commit -e/--edit --no-edit
  --ff --no-ff --ff-only -s/--strategy= -X/--strategy-option= -S? -x --signoff -F/--file=read
  --into-name= --abort --continue --quit --skip --autostash --allow-unrelated-histories --no-verify
  --allow-empty --cleanup= --log?

git branch
  -d/--delete -D -m/--move -M -c/--copy -C -f/--force -r/--remotes -a/--all -l/--list -v -vv -q
  --track? -t? --no-track -u/--set-upstream-to= --unset-upstream --edit-description --contains=
  --no-contains= --merged? --no-merged? --sort= --points-at= --format= --column? --show-current -i
  --abbrev= --no-abbrev --color?

git tag
  -a/--annotate -s/--sign -u/--local-user= -f/--force -d/--delete -v/--verify -n? -l/--list --sort=
  --contains= --no-contains= --merged? --points-at= -m/--message= -F/--file=read -e/--edit
  --cleanup= --create-reflog --format= --column? -i

git stash push|save|pop|apply|drop|clear|list|show|branch|create|store
  -p/--patch -k/--keep-index -q -u/--include-untracked -a/--all -m/--message= --index -S/--staged

git config
  !act=git.config --global --system --local --worktree -f/--file=both --blob= --get --get-all
  --get-regexp --replace-all --add --unset --unset-all --rename-section --remove-section -l/--list
  -e/--edit --type= --bool --int --path -z --null --name-only --show-origin --show-scope --default=
  --fixed-value --comment=

git worktree add
  -f/--force -b= -B= -d/--detach --checkout --no-checkout --lock --reason= --orphan -q --track
  --guess-remote : write _

git worktree remove
  -f/--force : remove*

git worktree list|prune|move|lock|unlock|repair
  -n -v -f --porcelain --expire= --reason= -z

git init
  -q --bare --template=read --separate-git-dir=write --object-format= -b/--initial-branch=
  --shared? : write*

git prune
  -n/--dry-run -v/--verbose --progress --expire= --exclude-promisor-objects

git gc|repack|fsck
  --prune? --aggressive --auto --no-prune -q --force -n -v --expire= -a -A -d -f -F -l --window=
  --depth= --full --unreachable --keep-largest-pack

git reflog expire|delete|show|exists
  --expire= --expire-unreachable= --all --rewrite --updateref --stale-fix -n/--dry-run --verbose
  --single-worktree

git update-ref|symbolic-ref
  -d/--delete --no-deref --stdin -m= -z --create-reflog -q --short

git filter-branch
  --setup=shell --env-filter=shell --tree-filter=shell --index-filter=shell --parent-filter=shell
  --msg-filter=shell --commit-filter=shell --tag-name-filter=shell --subdirectory-filter=
  --prune-empty --original= -d= -f/--force --state-branch=

git filter-repo, git-filter-repo
  --path= --paths-from-file=read --invert-paths --path-glob= --path-regex= --replace-text=read
  --replace-message=read --mailmap=read --force -f --refs= --strip-blobs-bigger-than=
  --commit-callback= --blob-callback= --message-callback= --subdirectory-filter= --partial
  --path-rename= --email-callback= --name-callback= --strip-blobs-with-ids=read --source=cwd

git bisect run
  !posix : argv

git bisect start|good|bad|reset|skip|log|replay|visualize|terms
  --term-new= --term-old= --no-checkout --first-parent

git log|show|diff|whatchanged|shortlog|blame|annotate|range-diff|diff-tree|diff-index
  !act=git.seen -p -n= -S= -G= -L= -O=read --output=write --format= --pretty? --since= --until=
  --after= --before= --author= --committer= --grep= --stat? --ext-diff -U= -C? -M? -s --name-only
  --name-status --oneline --graph --all --decorate? --no-pager -w -b --cached --staged --no-index
  --diff-filter= --word-diff? --color? --reverse --follow --merges --no-merges -i -E -F -e
  --contents=read --ignore-rev= --ignore-revs-file=read

git grep
  !act=git.grep -e= -f=read -n -l -i -w -v -c -o -O? --open-files-in-pager? -A= -B= -C= -m=
  --cached --untracked --no-index --max-depth= --threads= -E -P -F -G -q -h -H

git apply|am
  !act=git.patched -p= --directory= --exclude= --include= -C= -R/--reverse -3/--3way --index
  --cached --check --stat --reject --whitespace= -v --unidiff-zero --abort --continue --skip -k -s
  -q --unsafe-paths --patch-format= : read*

git bundle create
  --all -q --version= : write _*

git bundle unbundle|verify|list-heads
  : read*

git format-patch
  -o/--output-directory=write -n -s --stdout --cover-letter -v= --subject-prefix= --to= --cc=
  --base= --root -k -N --suffix= --start-number= --in-reply-to=

git send-email
  --to= --cc= --bcc= --from= --smtp-server=host --smtp-user= --smtp-pass= --sendmail-cmd=shell
  --to-cmd=shell --cc-cmd=shell --subject= --suppress-cc= --confirm= : read*

git difftool|mergetool
  -t/--tool= -x/--extcmd=shell -y/--no-prompt --prompt -d/--dir-diff -g -O= --tool-help

git ls-files|status|rev-parse|rev-list|describe|cat-file|ls-tree|show-ref,
git for-each-ref|check-ignore|check-attr|merge-base|name-rev|count-objects|var|help, git version
  -z -x= -X=read --exclude= --exclude-from=read --exclude-standard -o -m -d -c -t -s -u? -b --short
  --porcelain? --format= --sort= --contains= --points-at= --match= --abbrev? --batch -p -e -n=
  --max-count= -r

git credential, git credential-store, git credential-cache
  --file=both --timeout= --socket=

git hook run
  !act=builders.script --ignore-missing --to-stdin=read

git daemon
  --base-path=read --export-all --port= --listen= --enable= --reuseaddr

git update-index
  --assume-unchanged --no-assume-unchanged --skip-worktree --no-skip-worktree --add --remove
  --force-remove --refresh -q --chmod= --cacheinfo= --stdin

gh
  !sub !groups=repo,pr,issue,release,gist,auth,secret,variable,workflow,run,cache,codespace,cs
  !groups=config,extension,ext,label,org,project,ruleset,ssh-key,gpg-key,alias,attestation
  !groups=repo/deploy-key,repo/autolink,search -R/--repo= --hostname=host -q/--jq= -t/--template=
  --json= -h/--help

gh|glab api
  -X/--method= -f/--raw-field= -F/--field= -H/--header= --input=read --hostname=host -i --paginate
  -p/--preview= --cache= --slurp --silent --verbose

gh repo delete
  --yes --confirm -y

gh repo clone
  !act=git.gh_clone -u=

gh repo create|edit|fork
  -d/--description= -h/--homepage= --public --private --internal -c/--clone -s/--source=read
  -r/--remote --push --team= -t= -g= -l= -p/--template= --visibility= --default-branch=
  --accept-visibility-change-consequences --add-readme --remote-name= --org= --fork-name=
  --enable-issues --delete-branch-on-merge

gh pr create|edit|merge|close|comment|review|checkout|ready,
gh pr view|list|diff|status|checks|reopen|lock
  -t/--title= -b/--body= -F/--body-file=read -B/--base= -H/--head= -a/--assignee= -l/--label=
  -m/--merge -M/--milestone= -p/--project= -r/--rebase -s/--squash -d/--delete-branch
  -A/--author-email= --admin --auto --disable-auto --match-head-commit= --draft -f/--fill -w/--web
  -c/--comment --approve --request-changes --limit/-L= -S= --state= --reviewer= --add-label=
  --remove-label= --add-reviewer= --subject=

gh issue create|edit|close|comment|delete|list|view|transfer|reopen|lock|pin
  -t/--title= -b/--body= -F/--body-file=read -a/--assignee= -l/--label= -m= -p= --yes -c/--comment=
  -r/--reason= -L/--limit= -S/--search= -s/--state= -w/--web

gh release create|upload|edit|delete|download|list|view|delete-asset
  -t/--title= -n/--notes= -F/--notes-file=read --target= -d/--draft -p= --prerelease --latest?
  --generate-notes -y/--yes --cleanup-tag --clobber -D/--dir=write -O/--output=write --pattern= -A=
  -L= --discussion-category=

gh gist create|edit|delete|clone|list|view
  -d/--desc= -f/--filename= -p/--public -w/--web -a/--add=read --yes -L= -r : read*

gh secret|variable set|delete|remove|list
  -b/--body= -e/--env= -o/--org= -u/--user -a/--app= -f/--env-file=read -v/--visibility=
  -r/--repos= --no-store

gh auth login|logout|refresh|status|token|setup-git|switch
  -h/--hostname=host --with-token -w/--web -s/--scopes= -p/--git-protocol= -u/--user=
  -t/--show-token --insecure-storage

gh workflow run|disable|enable|list|view
  -r/--ref= -f/--raw-field= -F/--field= --json -a -y

gh run cancel|delete|rerun|watch|view|list|download
  -D=write -n/--name= -w= -b= -L= -j= --log --failed -i

gh ssh-key|gpg-key add|delete|list, gh repo deploy-key add|delete|list
  -t/--title= -w/--allow-write --type= -y/--yes : read*

gh codespace ssh
  !act=wrapping.remote_words -c= -p= --profile= --server-port=

gh extension|ext install|exec|remove|upgrade|list
  --pin= --force --all

gh alias set
  !act=git.gh_alias -s/--shell --clobber

glab, tea, hut
  !sub !groups=repo,mr,issue,release,ci,auth,variable,project,ssh-key,snippet,label -R/--repo=

hg
  !sub !act=git.mercurial -R/--repository=cwd --cwd=cwd -y/--noninteractive -q -v --config= --debug
  --traceback

svn, svnadmin
  !sub -m= -F=read -r= --username= --password= --force -q --editor-cmd=shell --diff-cmd=argv
  --diff3-cmd=argv --config-dir=read --config-option= --non-interactive

svn checkout|co|export|import|switch|relocate|copy|cp
  --depth= : url write*

svn delete|del|remove|rm
  --keep-local : remove*

svn revert|update|up|add|commit|ci
  -R --depth= --recursive : write*

jj, sl, fossil, bzr, cvs, p4, repo, pijul, darcs
  !sub !groups=git,branch,bookmark,op -R=cwd -d= -c= -u=

pre-commit, lefthook, husky, git-secrets, gitleaks, trufflehog
  !sub -c/--config=read -a/--all-files --hook-stage= --source=read --files=

bfg
  -D/--delete-files= --delete-folders= -b/--strip-blobs-bigger-than= --replace-text=read
  --no-blob-protection -p= : write*
"""
