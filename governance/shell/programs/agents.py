"""
Agents that are started from a shell, and the engine that governs them.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
governance
  !posix !sub --dir=cwd --key=read --format= --version -h/--help

governance approve|pardon|pause|trust|uninstall|anchor|erase|repair|exempt
  --dir=_ --key=read --format= --reason= --for= --host= --deny --end --list --yes --withdraw --all
  --erase-journal --dry-run --type= --priority= --id= -h/--help

governance init
  --host= --dry-run --key=read --format= -h/--help : both

governance hook
  --dir=_ --event= --path=read --now-ms= -h/--help

claude, claude-code
  !act=wrapping.tool_server
  -p/--print -c/--continue -r/--resume? -d/--debug? --verbose --model= --fallback-model= --agent=
  --agents= --output-format= --input-format= --json-schema= --max-turns= --max-budget-usd=
  --permission-mode= --permission-prompt-tool= --allowedTools/--allowed-tools=
  --disallowedTools/--disallowed-tools= --tools= --settings= --setting-sources= --mcp-config=
  --strict-mcp-config --add-dir=read --plugin-dir=read --system-prompt= --append-system-prompt=
  --system-prompt-file=read --append-system-prompt-file=read --session-id= --fork-session --ide
  --dangerously-skip-permissions --allow-dangerously-skip-permissions --bare -v/--version
  -h/--help -n/--name= -w/--worktree? --betas= --effort=

codex
  !act=wrapping.tool_server
  -c/--config= -m/--model= -p/--profile= -s/--sandbox= -a/--ask-for-approval= -C/--cd=_
  -i/--image=read --enable= --disable= --add-dir=read -o/--output-last-message=write
  --output-schema=read --color= --full-auto --dangerously-bypass-approvals-and-sandbox --yolo
  --oss --search --json --skip-git-repo-check -h/--help -V/--version

gemini, gemini-cli, qwen, qwen-code, iflow
  !act=wrapping.tool_server
  -m/--model= -p/--prompt= -i/--prompt-interactive= -s/--sandbox --sandbox-image= -y/--yolo
  --approval-mode= --allowed-tools= --allowed-mcp-server-names= -e/--extensions=
  --include-directories= -o/--output-format= --policy=read -a/--all-files -d/--debug -r/--resume=
  -h/--help -v/--version

cursor-agent
  -p/--print -f/--force --yolo --model= -m= --output-format= --resume= --mode= --sandbox=
  --workspace=read --approve-mcps -a/--api-key= -h/--help -v/--version

opencode, crush, kilo, kilocode
  -m/--model= -p/--prompt= -s/--session= -c/--continue --agent= -y/--yolo -q/--quiet --format=
  -D/--data-dir=read --dangerously-skip-permissions --auto --port= --hostname= -f/--file=read
  --mode= -h/--help -v/--version

aider
  -m/--message= -f/--message-file=read --model= --yes --yes-always --auto-test --test-cmd=
  --lint-cmd= --no-auto-commits --no-git --read=read --file=read --config/-c=read --env-file=read
  --no-verify --suggest-shell-commands -h/--help --version

amp, droid, kiro-cli, cline, cn, auggie, openhands, interpreter, plandex, kimi, grok, forge,
rovodev, qodo, vibe, agy
  -t/--text= -i/--instructions= -x/--execute= -m/--model= -p/--prompt= --auto=
  --settings-file=read --dangerously-allow-all --trust-all-tools --trust-tools=
  --skip-permissions-unsafe -y/--yolo/--yes --always-approve --allow= --ask= --exclude= --readonly
  -h/--help --version
"""
