"""What commands read, write, remove and talk to."""

from __future__ import annotations

import pytest

from governance.shell import HOLE, read_line


def together(text: str, fact: str) -> set[str]:
    """A fact of all commands of a line."""
    return {one for command in read_line(text).commands for one in getattr(command, fact)}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("cat a b", {"a", "b"}),
        ("cat < a", {"a"}),
        ("grep -rn x src", {"src"}),
        ("grep -e x a", {"a"}),
        ("head -n 5 a", {"a"}),
        ("cp a b.txt", {"a"}),
        ("scp a h:b", {"a"}),
        ("rsync -a d/ h:", {"d/"}),
        ("tar czf o.tgz -C d e", {"d/e"}),
        ("curl -d @a -F f=@b -T c h.io", {"a", "b", "c"}),
        ("base64 /etc/passwd", {"/etc/passwd"}),
        ("docker run -v /srv:/x i", {"/srv"}),
        ("kubectl apply -f d.yml", {"d.yml"}),
        ("psql -f x.sql", {"x.sql"}),
        ("mysql db < d.sql", {"d.sql"}),
        ("python x.py", {"x.py"}),
        ("bash x.sh", {"x.sh"}),
        ("source ./env", {"./env"}),
        ("pip install -r r.txt", {"r.txt"}),
        ("git show HEAD:secret.txt", {"secret.txt"}),
        ("openssl enc -in a -out b", {"a"}),
        ("jq .x a.json", {"a.json"}),
        ("find /etc -name x", {"/etc"}),
        ("ls", set()),
        ("echo a", set()),
        ("sed -n 1p a", {"a"}),
        ("awk '{print $1}' a", {"a"}),
        ("crontab x", {"x"}),
    ],
)
def test_what_is_read(text: str, paths: set[str]) -> None:
    """Operands and values in the role of a file that is read."""
    assert together(text, "reads") == paths


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("echo x > a", {"a"}),
        ("echo x >> a 2> b", {"a", "b"}),
        ("echo x > /dev/null 2>&1", set()),
        ("tee -a a b", {"a", "b"}),
        ("cp a b.txt", {"b.txt"}),
        ("cp -t d a", {"d/a"}),
        ("cp a b c/", {"c/a", "c/b"}),
        ("cp k /usr/bin", {"/usr/bin", "/usr/bin/k"}),
        ("ln -s a b", {"b", "b/a"}),
        ("install -d a", {"a"}),
        ("dd if=/dev/zero of=/dev/sda", {"/dev/sda"}),
        ("truncate -s 0 a", {"a"}),
        ("sed -i s/a/b/ f", {"f"}),
        ("sed 's/a/b/w o' f", {"o"}),
        ("perl -pi -e s/a/b/ f", {"f"}),
        ("tar xf a -C d", {"d"}),
        ("tar xf a", {"."}),
        ("zip -r o.zip d", {"o.zip"}),
        ("unzip o.zip -d d", {"d"}),
        ("curl -o a h.io", {"a"}),
        ("curl -sO https://h.io/p/a.tgz?x=1", {"a.tgz"}),
        ("wget https://h.io/a", {"a"}),
        ("wget -O b https://h.io/a", {"b"}),
        ("chmod -R 777 d", {"d"}),
        ("chmod -x f", {"f"}),
        ("chown a:b f", {"f"}),
        ("touch a", {"a"}),
        ("mkdir -p a", {"a"}),
        ("git checkout -- a", {"a"}),
        ("git clone https://h.io/a/b.git", {"b"}),
        ("git config --global x y", {"~/.gitconfig"}),
        ("vim /etc/hosts", {"/etc/hosts"}),
        ("ssh-keygen -f k", {"k"}),
        ("sort -o a b", {"a"}),
        ("find . -fprint a", {"a"}),
        ("sqlite3 a.db 'delete from t'", {"a.db"}),
        ("sqlite3 a.db 'select 1'", set()),
        ("docker cp c:/x y", {"y"}),
        ("scp h:a b", {"b"}),
        ("gzip a", {"a"}),
        ("mkfs.ext4 /dev/sda1", {"/dev/sda1"}),
    ],
)
def test_what_is_written(text: str, paths: set[str]) -> None:
    """Operands and values in the role of a file that is written."""
    assert together(text, "writes") == paths


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("rm -rf a ~/b", {"a", "~/b"}),
        ("/bin/rm -- -a", {"-a"}),
        ("rmdir a", {"a"}),
        ("unlink a", {"a"}),
        ("shred -u a", {"a"}),
        ("mv a b.txt", {"a"}),
        ("mv a /dev/null", {"a"}),
        ("git clean -fdx", {"."}),
        ("git clean -nd", set()),
        ("git rm a", {"a"}),
        ("git rm --cached a", set()),
        ("find /a -delete", {"/a"}),
        ("find /a -name '*.o' -delete", {"/a/*.o"}),
        ("find . ! -name a -delete", {"."}),
        ("find . -name a -o -delete", {"."}),
        ("find / -exec rm -rf {} +", {"/"}),
        ("find . -name '*.pyc' | xargs rm", {"./*.pyc"}),
        ("cat l | xargs rm", {HOLE}),
        ("echo a b | xargs rm", {"a", "b"}),
        ("ls | xargs -I% rm %", {HOLE}),
        ("rsync -a --delete a/ b/", {"b/"}),
        ("tar cf a.tar --remove-files d", {"d"}),
        ("zip -m a.zip d", {"d"}),
        ("aws s3 sync s3://b l --delete", {"l"}),
        ("rm $X/a", {f"{HOLE}/a"}),
        ("git -C s clean -f", {"."}),
    ],
)
def test_what_is_removed(text: str, paths: set[str]) -> None:
    """What is gone afterwards is part of what is written."""
    assert together(text, "removes") == paths
    assert paths <= together(text, "writes")


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("curl https://u:p@H.io:80/x", {"h.io"}),
        ("curl h.io/x", {"h.io"}),
        ("curl localhost:8080", {"localhost"}),
        ("curl 3232235777/x", {"3232235777"}),
        ("curl http://[::1]:80/", {"::1"}),
        ("curl -x p.io:1 h.io", {"p.io", "h.io"}),
        ("curl file:///etc/passwd", set()),
        ("wget -q https://h.io/x", {"h.io"}),
        ("ssh u@h.io", {"h.io"}),
        ("ssh -J j.io h.io", {"j.io", "h.io"}),
        ("scp a u@h.io:b", {"h.io"}),
        ("rsync -a a h.io:b", {"h.io"}),
        ("nc h.io 80", {"h.io"}),
        ("nc -l 80", set()),
        ("git clone git@h.io:a/b", {"h.io"}),
        ("git push https://h.io/x main", {"h.io"}),
        ("git push origin main", set()),
        ("git remote add o ssh://g@h.io/x", {"h.io"}),
        ("docker push r.io/a/b", {"r.io"}),
        ("psql postgres://u:p@h.io/d", {"h.io"}),
        ("redis-cli -h h.io ping", {"h.io"}),
        ("mongosh mongodb://h.io/d", {"h.io"}),
        ("pip install -i https://h.io/s x", {"h.io"}),
        ("pip install git+https://h.io/a", {"h.io"}),
        ("echo x > /dev/tcp/h.io/80", {"h.io"}),
        ("openssl s_client -connect h.io:443", {"h.io"}),
        ("socat - TCP:h.io:80", {"h.io"}),
        ("dig @8.8.8.8 h.io", {"8.8.8.8", "h.io"}),
        ("python -c \"import requests; requests.get('https://h.io')\"", {"h.io"}),
    ],
)
def test_whom_it_talks_to(text: str, hosts: set[str]) -> None:
    """Hosts, without user, port and path."""
    assert together(text, "domains") == hosts
