"""
The command lines of clouds and hosting services.

Their services are many and alike: nearly every long option takes a value, and the way of words
ends with a verb (`compute instances delete`). The options without a value are listed.
"""

from __future__ import annotations

from typing import Final

_BARE = (
    " --recursive --force --quiet --dryrun --dry-run --delete --follow-symlinks --no-follow-symlinks"
    " --only-show-errors --no-progress --exact-timestamps --size-only --human-readable --summarize"
    " --no-sign-request --no-verify-ssl --no-paginate --debug --yes --no-wait --verbose --async --all"
    " --help --version --no-cli-pager --no-cli-auto-prompt --cli-auto-prompt --skip-final-snapshot"
    " --force-delete-without-recovery --no-user-output-enabled --auto --no-prompt --global"
    " --public-access --allow-unauthenticated --no-allow-unauthenticated --preemptible --print"
    " --delete-disks? --keep-disks? --continue-on-error --delete-automated-backups --force-delete"
    " --interactive --no-interactive --json --purge --debug --admin --overwrite-existing --follow"
    " --enable --disable --decode --with-decryption --include-deleted --no-redeploy --undelete"
)

TABLE: Final[dict[str, str]] = {
    "aws, aws2, awslocal": f"!valued !sub !act=clouds.aws --profile= --region= --output= --endpoint-url=url"
    f" --query= --ca-bundle=read --color= --cli-input-json=read{_BARE} !groups=s3,s3api",
    "gcloud": f"!valued !raw !act=clouds.way --project= --account= --configuration= --format= --zone= -q/--quiet{_BARE}"
    " --flags-file=read --key-file=read --impersonate-service-account= --data-file=read --source=read"
    " --command=shell --log-http --no-log-http",
    "az": f"!valued !raw !act=clouds.way -g/--resource-group= -n/--name= -l/--location= -o/--output= -y/--yes -s= -p= -u="
    f" -t= -f/--file=read --subscription= --query= --template-file=read --scripts= --parameters= -h{_BARE}",
    "oci, aliyun, tccli, ibmcloud, scw, hcloud, linode-cli, vultr-cli, upctl, openstack, exo, civo": f"!valued !raw !act=clouds.way -q -y -f -o= -p= -c= -g= -h{_BARE}",
    "doctl": f"!valued !raw !act=clouds.way -t/--access-token= -c/--config=read -o/--output= -u= -f/--force -v{_BARE}",
    "gsutil": "!posix !sub -m -q -D -h= -o= -u= -i=",
    "gsutil rm|rb|mv|cp|rsync|setmeta|acl|iam|defacl|ls|cat|mb|web|lifecycle|versioning|hash|signurl|du|stat": "-r -R -a -f -d -m -I -n -e -p -c -U -C -x= -z= -Z -j= -J -l= -s= -u= -L=write -b= -h -o -i -y= !act=clouds.storage",
    "bq": "!sub -f/--force -r/--recursive --project_id= --dataset_id= --location= -d/--dataset -t/--table -m -n= "
    " --format= --nouse_legacy_sql --use_legacy_sql? --destination_table= --replace --append_table -q --quiet",
    "bq query": "--format= --destination_table= --max_rows= --batch --dry_run --parameter= !act=databases.operand",
    "azcopy": "!sub --recursive? --overwrite= --include-pattern= --exclude-pattern= --delete-destination= --from-to=",
    "azcopy copy|sync|remove|cp|rm": "!act=clouds.storage",
    "s3cmd, s5cmd, mc, s4cmd": "!sub -c/--config=read -r/--recursive -f/--force --delete-removed --acl-public --dry-run"
    " --access_key= --secret_key= --host=host --endpoint-url=url --profile= --older-than= --newer-than= --dangerous"
    " --exclude= --include= -n -P",
    "s3cmd put|get|sync|del|rm|rb|cp|mv|mb|ls|la, s5cmd cp|mv|rm|sync|rb|mb|ls, mc rm|cp|mv|mirror|rb|mb|ls|cat|pipe": "--remove --overwrite --versions !act=clouds.storage",
    "heroku, flyctl, fly, vercel, netlify, railway, render, wrangler, firebase, supabase, dokku, cf, eb, now, surge, "
    "planetscale, pscale, neonctl, turso, convex, expo-cli, sentry-cli, stripe, twilio, shopify, hasura, "
    "cloudflare, bosh, databricks, snow, launchdarkly, ldcli, okta, auth0, twurl, slack, algolia, datadog-ci": "!sub -a/--app= -r/--remote= -c/--config=read -t/--token= -s/--site= -p/--project= -o/--org= -e/--env= -y/--yes -f"
    "/--force --confirm= --prod -n/--name= -P= --scope= --profile= --region= -S= -b/--branch= --workspace= -d= -m= -q"
    " --linked --local --remote !groups=apps,secrets,volumes,machine,machines,postgres,pg,db,projects,project,ips,"
    "certs,domains,dns,env,sites,kv:key,kv:namespace,kv,r2,r2/bucket,r2/object,d1,queues,pages,pages/deployment,secret,"
    "functions,migration,branches,branch,database,password,org,storage,auth,hosting,firestore,addons,config,"
    "releases,scale,team,token,service,variables,alias,rules,workflows,fs,jobs,clusters,workspace",
    "heroku run, heroku run:detached, flyctl|fly ssh console, railway run|shell, vercel env": "!posix -a/--app= -s= -C"
    "/--command=shell -e= -x --exit-code --no-tty --type= -r= --env= -q --size= -u= -p= !act=clouds.run",
    "heroku pg:psql, heroku psql": "-a/--app= -c/--command=code : _*",
    "eb ssh": "-c/--command=shell -n= -e= : _*",
    "doppler run, infisical run, op run, aws-vault exec, chamber exec, envchain": "!posix -p/--project= -c"
    "/--config= --command=shell -t/--token= --env-file=read --env= --path= -d= -n --no-masking --duration= -s --account="
    " !act=builders.after_words",
    "sops exec-env|exec-file": "--user= : read shell",
    "terraform-docs, tflint": "-c=read : read*",
}
