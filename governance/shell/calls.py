"""
The calls of other languages that run, read, write, remove or connect.

One table for each language: lines of an effect and the names of the calls that have it. What
an effect means to the arguments is said in `codes.py`.
"""

from __future__ import annotations

from typing import Final

TABLES: Final[dict[str, str]] = {
    "python": """
shell: os.system os.popen subprocess.getoutput subprocess.getstatusoutput commands.getoutput
shell: asyncio.create_subprocess_shell system popen getoutput
run: subprocess.run subprocess.call subprocess.check_call subprocess.check_output
run: subprocess.Popen Popen check_output check_call sp.run sp.call sp.Popen sp.check_output run
run: call
argv: asyncio.create_subprocess_exec
exec: os.execl os.execlp os.execle os.execlpe os.execv os.execvp os.execve os.execvpe
exec: os.posix_spawn os.posix_spawnp execv execvp execve
spawn: os.spawnl os.spawnlp os.spawnv os.spawnvp os.spawnve
pty: pty.spawn
remove: os.remove os.unlink os.rmdir os.removedirs shutil.rmtree rmtree rmdir unlink send2trash
remove: send2trash.send2trash
kept: read upload_file fput_object upload_from_filename storlines
move: os.rename os.replace os.renames shutil.move
copy: shutil.copy shutil.copy2 shutil.copyfile shutil.copytree os.link os.symlink
write: os.makedirs os.mkdir os.chmod os.chown os.truncate os.utime os.mknod os.mkfifo os.lchown
write: shutil.chown sqlite3.connect
open: open io.open codecs.open gzip.open
read: os.listdir os.scandir os.walk os.stat os.path.getsize os.open runpy.run_path
connect: socket.create_connection http.client.HTTPSConnection http.client.HTTPConnection
connect: HTTPSConnection HTTPConnection smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP paramiko.connect
connect: telnetlib.Telnet
connected: s.connect sock.connect client.connect c.connect
url: requests.get requests.post requests.put requests.delete requests.patch requests.head
url: requests.request httpx.get httpx.post httpx.put httpx.delete urllib.request.urlopen
url: urllib.request.urlretrieve urllib.urlopen urlopen urllib2.urlopen urlretrieve
sql: execute executescript executemany execute_sql raw_sql read_sql read_sql_query exec_driver_sql
told: text
code: exec eval compile runpy.run_module __import__
""",
    "node": """
shell: exec execSync child_process.exec child_process.execSync cp.exec cp.execSync execaCommand
shell: execaCommandSync shell.exec Bun.spawnSync
argv2: spawn spawnSync execFile execFileSync child_process.spawn child_process.spawnSync
argv2: child_process.execFile child_process.execFileSync cp.spawn cp.spawnSync cp.execFileSync
argv2: cp.execFile execa execaSync
argvlist: Deno.run Bun.spawn
program: Deno.Command
remove: rm rmSync rmdir rmdirSync unlink unlinkSync fs.rm fs.rmSync fs.rmdir fs.rmdirSync
remove: fs.unlink fs.unlinkSync fs.promises.rm fs.promises.unlink fsp.rm fse.remove
remove: fse.removeSync fs.remove fs.removeSync fs.emptyDirSync rimraf rimraf.sync rimrafSync
remove: Deno.remove Deno.removeSync del deleteSync
move: fs.rename fs.renameSync fs.promises.rename renameSync Deno.rename
copy: fs.copyFile fs.copyFileSync fs.cp fs.cpSync copyFileSync cpSync Deno.copyFile
copy: fs.symlinkSync fs.linkSync
write: writeFile writeFileSync appendFile appendFileSync fs.writeFile fs.writeFileSync
write: fs.appendFile fs.appendFileSync fs.promises.writeFile fs.promises.appendFile
write: fs.createWriteStream createWriteStream fs.mkdir fs.mkdirSync mkdirSync fs.chmodSync
write: fs.chmod fs.truncateSync fs.truncate fs.chownSync Deno.writeTextFile
write: Deno.writeTextFileSync Deno.writeFile Deno.mkdir Bun.write
read: readFile readFileSync fs.readFile fs.readFileSync fs.promises.readFile fs.createReadStream
read: createReadStream fs.readdirSync fs.readdir readdirSync Deno.readTextFile
read: Deno.readTextFileSync Deno.readFile Bun.file
required: require
connect2: net.connect net.createConnection net.Socket.connect tls.connect client.connect
connect2: s.connect sh.connect
url: fetch http.get https.get http.request https.request axios axios.get axios.post axios.put
url: axios.delete got got.post WebSocket
sql: query execute executeSql executeQuery queryRaw $executeRawUnsafe $queryRawUnsafe
sql: $executeRaw $queryRaw sequelize.query knex.raw db.raw sql.unsafe prepare db.exec db.run
code: eval Function vm.runInNewContext vm.runInThisContext
""",
    "perl": """
argvs: system exec
shell: qx readpipe
remove: unlink rmdir rmtree remove_tree File::Path::rmtree File::Path::remove_tree
move: rename move File::Copy::move
copy: copy File::Copy::copy symlink link
chmod: chmod chown utime
write: mkdir mkpath make_path truncate
perlopen: open
read: opendir require do
connect: IO::Socket::INET->new inet_aton
url: get getstore LWP::Simple::get HTTP::Tiny->new->get
code: eval
""",
    "ruby": """
argvs: system exec spawn Process.spawn Kernel.system Kernel.exec IO.popen Open3.capture2
argvs: Open3.capture2e Open3.capture3 Open3.popen3 Open3.pipeline PTY.spawn
remove: File.delete File.unlink FileUtils.rm FileUtils.rm_f FileUtils.rm_r FileUtils.rm_rf
remove: FileUtils.remove FileUtils.remove_dir FileUtils.remove_entry
remove: FileUtils.remove_entry_secure FileUtils.rmdir FileUtils.rmtree FileUtils.safe_unlink
remove: Dir.rmdir Dir.delete Dir.unlink rm_rf rm_r
move: File.rename FileUtils.mv FileUtils.move
copy: FileUtils.cp FileUtils.cp_r FileUtils.copy FileUtils.ln_s File.symlink
write: File.write IO.write IO.binwrite File.binwrite FileUtils.touch FileUtils.mkdir
write: FileUtils.mkdir_p Dir.mkdir File.truncate FileUtils.chmod_R
chmod: File.chmod FileUtils.chmod FileUtils.chown
open: File.open File.new open Kernel.open
read: File.read IO.read File.readlines IO.readlines File.foreach Dir.entries Dir.children
read: Dir.glob load require_relative IO.binread
connect: TCPSocket.new TCPSocket.open UDPSocket.new Socket.tcp
url: URI.open Net::HTTP.get Net::HTTP.get_response Net::HTTP.post URI.parse URI
sql: execute exec_query exec_update exec_delete execute_batch connection.execute
code: eval instance_eval class_eval
""",
    "php": """
shell: system exec passthru shell_exec popen proc_open pcntl_exec
remove: unlink rmdir
move: rename
copy: copy symlink link
write: file_put_contents mkdir touch chmod chown chgrp
open: fopen
read: file_get_contents readfile file scandir opendir include require include_once require_once
read: parse_ini_file
connect: fsockopen pfsockopen stream_socket_client
url: curl_init
sql: query executeQuery executeStatement mysqli_query pg_query DB::statement DB::unprepared
code: eval assert
""",
    "lua": """
shell: os.execute io.popen
remove: os.remove
move: os.rename
open: io.open
read: dofile loadfile io.lines
connect: socket.connect
code: load loadstring
""",
    "go": """
argv: exec.Command
exec: syscall.Exec
remove: os.Remove os.RemoveAll
move: os.Rename
write: os.WriteFile ioutil.WriteFile os.Create os.Mkdir os.MkdirAll os.Truncate os.Chmod
read: os.ReadFile ioutil.ReadFile os.Open os.ReadDir
connect2: net.Dial tls.Dial
url: http.Get http.Post http.PostForm http.Head http.NewRequest
""",
    "compiled": """
shell: system popen Runtime.getRuntime().exec
argv: exec Command::new ProcessBuilder Process.Start execlp execvp execl execv posix_spawn
remove: unlink rmdir remove fs::remove_dir_all fs::remove_file std::fs::remove_dir_all
remove: std::fs::remove_file removeItem Files.delete Files.deleteIfExists FileUtils.deleteDirectory
remove: FileUtils.forceDelete File.Delete Directory.Delete fs::remove_dir std::fs::remove_dir
remove: filesystem::remove_all filesystem::remove remove_all
move: rename fs::rename std::fs::rename Files.move File.Move
write: fs::write std::fs::write File::create Files.writeString Files.write File.WriteAllText
write: FileWriter
open: fopen
read: fs::read_to_string std::fs::read_to_string fs::read File::open Files.readString ifstream
read: Files.readAllBytes Files.readAllLines File.ReadAllText FileReader contentsOfFile
connect: TcpStream::connect
""",
    "other": """
shell: system shell Sys.command System.cmd os.execute callCommand exec shell-command execSync
shell: Runtime.getRuntime().exec :os.cmd os:cmd
remove: file.remove unlink File.rm File.rm! File.rm_rf File.rm_rf! deleteRecursively rm
remove: delete-file
write: writeLines writeFile File.write File.write! spit
read: readLines readFile File.read File.read! slurp source
url: download.file readUrl
""",
}
"""By the name of the language; `other` is for those of which little is known."""
