"""
Clients of databases; what they are told to do is code.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
@pg
  -h/--host=host -p/--port= -U/--username= -w/--no-password -W/--password -d/--dbname=
  --maintenance-db=

@my
  -h/--host=host -P/--port= -u/--user= -p/--password? -D/--database= -S/--socket= --protocol=
  --defaults-file=read --defaults-extra-file=read --login-path= --ssl-ca=read --ssl-cert=read
  --ssl-key=read --ssl-mode= --default-character-set= -C --compress -f/--force -v -s

psql, pgcli, cockroach-sql, usql
  !like=@pg !act=databases.postgres -c/--command=code -f/--file=script -v/--set/--variable=
  -o/--output=write -L/--log-file=write -F/--field-separator= -P/--pset= -R= -T= -a -A/--no-align
  -b -e -E -H -l -n -q -s -S -t/--tuples-only -x -X/--no-psqlrc -z -0 -1/--single-transaction --csv

createdb, dropdb, createuser, dropuser, vacuumdb, reindexdb, clusterdb, pg_isready
  !like=@pg -O= -T= -E= -e -i -f/--force --if-exists -s -r -l -D= -P -a -z -t= -q -j= : _*

pg_dump, pg_dumpall, pg_basebackup
  !like=@pg !act=databases.dump -f/--file=write -F/--format= -n= -N= -t= -T= -s -a -c -C -v -Z= -j=
  -x -O -D/--pgdata=write -X= -R -l= --exclude-table-data= -g -r

pg_restore
  !like=@pg -c/--clean -C/--create -e -f=write -F= -j= -n= -N= -t= -T= -L=read -O -v -x -1
  --if-exists -a -s -l : read*

pg_ctl, initdb, pg_resetwal, pg_upgrade, pg_rewind
  -D/--pgdata=write -l/--log=write -m= -o= -U= -E= -d= -f -w : _*

mysql, mycli
  !like=@my !act=databases.mysql -e/--execute=code -A -B -N -r -t -E -H -X -n -q
  --init-command=code --tee=write -w -U

mysqldump, mysqlpump, mydumper
  !like=@my -r/--result-file=write -B/--databases -A/--all-databases -T/--tab=write -w/--where=
  --ignore-table= -t -d --single-transaction --add-drop-table -o=write : _*

mysqladmin
  !like=@my : _*

mysqlimport, myloader
  !like=@my -L -i -d --fields-terminated-by= : _ read*

sqlite3, duckdb, sqlcipher, litecli
  !single !act=databases.sqlite -cmd=code -c=code -init=script -separator= -nullvalue= -newline=
  -s= -header -noheader -csv -json -line -list -column -html -markdown -box -table -batch -bail
  -readonly -safe -interactive -echo -vfs= -f=script -ui

redis-cli, iredis
  !posix !act=databases.redis -h=host -p= -s= -a= -u=url -n= -r= -i= -d= -x -c -D= -e --pass=
  --user= --eval=script --tls --cacert=read --cert=read --key=read --rdb=write --pipe --bigkeys
  --scan --pattern= --raw --no-raw --csv --stat --latency -t= -2 -3 --no-auth-warning --askpass
  --functions-rdb=write --sni= --cluster= --memkeys

mongosh
  !act=databases.mongo --eval=code -f/--file=script --host=host --port= -u/--username=
  -p/--password? --authenticationDatabase= --authenticationMechanism= --tls --tlsCAFile=read
  --tlsCertificateKeyFile=read --quiet --norc --nodb --shell --json? --verbose --retryWrites

mongodump, mongoexport
  --host/-h=host --port= --uri=url -u/--username= -p/--password= -d/--db= -c/--collection=
  -o/--out=write --archive? --gzip -q/--query= -f= --type= --authenticationDatabase= : _*

mongorestore, mongoimport
  --host/-h=host --port= --uri=url -u/--username= -p/--password= -d/--db= -c/--collection= --drop
  --file=read --dir=read --archive?read --gzip --type= --headerline --jsonArray -f= --mode=
  --upsertFields= --nsInclude= --nsFrom= --nsTo= --authenticationDatabase= : read*

clickhouse-client, clickhouse
  !sub !act=databases.sql --host/-h=host --port= --user/-u= --password= -q/--query=code
  --database/-d= --queries-file=script --multiquery/-n --format= -m --secure

cqlsh
  !act=databases.cassandra -e/--execute=code -f/--file=script -u= -p= -k= --ssl --cqlshrc=read

cockroach
  !sub -u/--user= -p/--port= -d/--database= --insecure --certs-dir=read

cockroach sql
  !act=databases.sql --url=url --host=host -e/--execute=code -f/--file=script --format= --set=

sqlcmd, bcp, osql, tsql
  !act=databases.sql -S/--server=host -H=host -U= -P= -d= -q=code -Q=code -i=script -o=write -b
  -E -C -N -p= -D= -t= -h= -s= -W -I -l=

sqlplus, rman, expdp, impdp, sql
  !act=databases.oracle -S -s -L -V -M=

influx, cypher-shell, arangosh, couchdb, cbq, hbase, hive, beeline, impala-shell, presto, trino,
snowsql, spark-sql, athenacli, surreal, edgedb, isql, db2, vertica, vsql, kdb
  !act=databases.sql -e/--execute=code -q/--query=code -f/--file=script -u/--username=
  -p/--password= -a/--address=url -h/--host/--server=host -d/--database= -c=code -i=host -o=write
  -P= -n= -s= --execution= : _*

influxd, mysqld, postgres, redis-server, mongod, mysqld_safe, memcached
  -D=write -c=read --port= --config=read --dbpath=write --datadir=write -p= -d --daemonize= --user=
  -u= -l= : _*

prisma, drizzle-kit, knex, sequelize, sequelize-cli, typeorm, alembic, flyway, liquibase, goose,
migrate, dbmate, sqlx, diesel, atlas, sqitch, flask, rails
  !sub !groups=migrate,db,migration,client,database,schema !act=databases.migration
  -c/--config=read --schema=read --force -f -u/--url=url -d= -n= --env= --app= -A= -e=
  --knexfile=read --accept-data-loss --force-reset --skip-generate -y --to= -x= -path=
  -database=url

elasticdump, es, esrally
  --input=url --output=url --type= --limit= : _*
"""
