"""
Clients of databases; what they are told to do is code.
"""

from __future__ import annotations

from typing import Final

_PG = "-h/--host=host -p/--port= -U/--username= -w/--no-password -W/--password -d/--dbname= --maintenance-db="
_MY = (
    "-h/--host=host -P/--port= -u/--user= -p/--password? -D/--database= -S/--socket= --protocol="
    " --defaults-file=read --defaults-extra-file=read --login-path= --ssl-ca=read --ssl-cert=read"
    " --ssl-key=read --ssl-mode= --default-character-set= -C --compress -f/--force -v -s"
)

TABLE: Final[dict[str, str]] = {
    "psql, pgcli, cockroach-sql, usql": f"{_PG} -c/--command=code -f/--file=script -v/--set/--variable= -o/--output=write"
    " -L/--log-file=write -F/--field-separator= -P/--pset= -R= -T= -a -A/--no-align -b -e -E -H -l -n -q -s -S -t"
    "/--tuples-only -x -X/--no-psqlrc -z -0 -1/--single-transaction --csv !act=databases.postgres",
    "createdb, dropdb, createuser, dropuser, vacuumdb, reindexdb, clusterdb, pg_isready": f"{_PG} -O= -T= -E= -e -i -f"
    "/--force --if-exists -s -r -l -D= -P -a -z -t= -q -j= : _*",
    "pg_dump, pg_dumpall, pg_basebackup": f"{_PG} -f/--file=write -F/--format= -n= -N= -t= -T= -s -a -c -C -v -Z= -j= -x -O"
    " -D/--pgdata=write -X= -R -l= --exclude-table-data= -g -r !act=databases.dump",
    "pg_restore": f"{_PG} -c/--clean -C/--create -e -f=write -F= -j= -n= -N= -t= -T= -L=read -O -v -x -1 --if-exists -a -s -l"
    " : read*",
    "pg_ctl, initdb, pg_resetwal, pg_upgrade, pg_rewind": "-D/--pgdata=write -l/--log=write -m= -o= -U= -E= -d= -f -w : _*",
    "mysql, mycli": f"{_MY} -e/--execute=code -A -B -N -r -t -E -H -X -n -q --init-command=code --tee=write -w -U"
    " !act=databases.mysql",
    "mysqldump, mysqlpump, mydumper": f"{_MY} -r/--result-file=write -B/--databases -A/--all-databases -T/--tab=write -w"
    "/--where= --ignore-table= -t -d --single-transaction --add-drop-table -o=write : _*",
    "mysqladmin": f"{_MY} : _*",
    "mysqlimport, myloader": f"{_MY} -L -i -d --fields-terminated-by= : _ read*",
    "sqlite3, duckdb, sqlcipher, litecli": "!single -cmd=code -c=code -init=script -separator= -nullvalue= -newline= -s="
    " -header -noheader -csv -json -line -list -column -html -markdown -box -table -batch -bail -readonly -safe -interactive"
    " -echo -vfs= -f=script -ui !act=databases.sqlite",
    "redis-cli, iredis": "!posix -h=host -p= -s= -a= -u=url -n= -r= -i= -d= -x -c -D= -e --pass= --user= --eval=script"
    " --tls --cacert=read --cert=read --key=read --rdb=write --pipe --bigkeys --scan --pattern= --raw --no-raw --csv"
    " --stat --latency -t= -2 -3 --no-auth-warning --askpass --functions-rdb=write --sni= --cluster= --memkeys"
    " !act=databases.redis",
    "mongosh": "--eval=code -f/--file=script --host=host --port= -u/--username= -p/--password? --authenticationDatabase="
    " --authenticationMechanism= --tls --tlsCAFile=read --tlsCertificateKeyFile=read --quiet --norc --nodb --shell"
    " --json? --verbose --retryWrites !act=databases.mongo",
    "mongodump, mongoexport": "--host/-h=host --port= --uri=url -u/--username= -p/--password= -d/--db= -c/--collection= -o"
    "/--out=write --archive? --gzip -q/--query= -f= --type= --authenticationDatabase= : _*",
    "mongorestore, mongoimport": "--host/-h=host --port= --uri=url -u/--username= -p/--password= -d/--db= -c/--collection="
    " --drop --file=read --dir=read --archive?read --gzip --type= --headerline --jsonArray -f= --mode= --upsertFields="
    " --nsInclude= --nsFrom= --nsTo= --authenticationDatabase= : read*",
    "clickhouse-client, clickhouse": "!sub --host/-h=host --port= --user/-u= --password= -q/--query=code --database/-d="
    " --queries-file=script --multiquery/-n --format= -m --secure",
    "cqlsh": "-e/--execute=code -f/--file=script -u= -p= -k= --ssl --cqlshrc=read !act=databases.cassandra",
    "sqlcmd, bcp, osql, tsql": "-S/--server=host -H=host -U= -P= -d= -q=code -Q=code -i=script -o=write -b -E -C -N -p= -D="
    " -t= -h= -s= -W -I -l= !act=databases.stdin",
    "sqlplus, rman, expdp, impdp, sql": "-S -s -L -V -M= !act=databases.oracle",
    "influx, cypher-shell, arangosh, couchdb, cbq, hbase, hive, beeline, impala-shell, presto, trino, snowsql, "
    "spark-sql, athenacli, surreal, edgedb, isql, db2, vertica, vsql, kdb": "-e/--execute=code -q/--query=code -f/--file=script -u"
    "/--username= -p/--password= -a/--address=url -h/--host/--server=host -d/--database= -c=code -i=host -o=write -P= -n= -s="
    " --execution= !act=databases.stdin : _*",
    "influxd, mysqld, postgres, redis-server, mongod, mysqld_safe, memcached": "-D=write -c=read --port= --config=read"
    " --dbpath=write --datadir=write -p= -d --daemonize= --user= -u= -l= : _*",
    "prisma, drizzle-kit, knex, sequelize, sequelize-cli, typeorm, alembic, flyway, liquibase, goose, migrate, dbmate, "
    "sqlx, diesel, atlas, sqitch, flask, rails": "!sub -c/--config=read --schema=read --force -f -u/--url=url -d= -n= --env="
    " --app= -A= -e= --knexfile=read --accept-data-loss --force-reset --skip-generate -y --to= -x= -path= -database=url"
    " !groups=migrate,db,migration,client,database,schema !act=databases.migration",
    "elasticdump, es, esrally": "--input=url --output=url --type= --limit= : _*",
}
