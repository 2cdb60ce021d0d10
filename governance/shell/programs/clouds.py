"""
The command lines of clouds and hosting services.

Their services are many and alike: nearly every long option takes a value, and the way of words
ends with a verb (`compute instances delete`). The options without a value are listed.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
@bare
  --recursive --force --quiet --dryrun --dry-run --delete --follow-symlinks --no-follow-symlinks
  --only-show-errors --no-progress --exact-timestamps --size-only --human-readable --summarize
  --no-sign-request --no-verify-ssl --no-paginate --debug --yes --no-wait --verbose --async --all
  --help --version --no-cli-pager --no-cli-auto-prompt --cli-auto-prompt --skip-final-snapshot
  --force-delete-without-recovery --no-user-output-enabled --auto --no-prompt --global
  --public-access --allow-unauthenticated --no-allow-unauthenticated --preemptible --print
  --delete-disks? --keep-disks? --continue-on-error --delete-automated-backups --force-delete
  --interactive --no-interactive --json --purge --debug --admin --overwrite-existing --follow
  --enable --disable --decode --with-decryption --include-deleted --no-redeploy --undelete

aws, aws2, awslocal
  !valued !sub !act=clouds.aws !like=@bare !groups=s3,s3api --profile= --region= --output=
  --endpoint-url=url --query= --ca-bundle=read --color= --cli-input-json=read

gcloud
  !valued !raw !act=clouds.way !like=@bare --project= --account= --configuration= --format= --zone=
  -q/--quiet --flags-file=read --key-file=read --impersonate-service-account= --data-file=read
  --source=read --command=away --log-http --no-log-http

az
  !valued !raw !act=clouds.way !like=@bare -g/--resource-group= -n/--name= -l/--location=
  -o/--output= -y/--yes -s= -p= -u= -t= -f/--file=read --subscription= --query=
  --template-file=read --scripts= --parameters= -h

oci, aliyun, tccli, ibmcloud, scw, hcloud, linode-cli, vultr-cli, upctl, openstack, exo, civo
  !valued !raw !act=clouds.way !like=@bare -q -y -f -o= -p= -c= -g= -h

doctl
  !valued !raw !act=clouds.way !like=@bare -t/--access-token= -c/--config=read -o/--output= -u=
  -f/--force -v

gsutil
  !posix !sub -m -q -D -h= -o= -u= -i=

gsutil rm|rb|mv|cp|rsync|setmeta|acl|iam, gsutil defacl|ls|cat|mb|web|lifecycle|versioning|hash,
gsutil signurl|du|stat
  !act=clouds.storage -r -R -a -f -d -m -I -n -e -p -c -U -C -x= -z= -Z -j= -J -l= -s= -u= -L=write
  -b= -h -o -i -y=

bq
  !sub -f/--force -r/--recursive --project_id= --dataset_id= --location= -d/--dataset -t/--table -m
  -n= --format= --nouse_legacy_sql --use_legacy_sql? --destination_table= --replace --append_table
  -q --quiet

bq query
  !act=databases.operand --format= --destination_table= --max_rows= --batch --dry_run --parameter=

azcopy
  !sub --recursive? --overwrite= --include-pattern= --exclude-pattern= --delete-destination=
  --from-to=

azcopy copy|sync|remove|cp|rm
  !act=clouds.storage

s3cmd, s5cmd, mc, s4cmd
  !sub -c/--config=read -r/--recursive -f/--force --delete-removed --acl-public --dry-run
  --access_key= --secret_key= --host=host --endpoint-url=url --profile= --older-than= --newer-than=
  --dangerous --exclude= --include= -n -P

s3cmd put|get|sync|del|rm|rb|cp|mv|mb|ls|la, s5cmd cp|mv|rm|sync|rb|mb|ls,
mc rm|cp|mv|mirror|rb|mb|ls|cat|pipe
  !act=clouds.storage --remove --overwrite --versions

heroku, flyctl, fly, vercel, netlify, railway, render, wrangler, firebase, supabase, dokku, cf, eb,
now, surge, planetscale, pscale, neonctl, turso, convex, expo-cli,
hasura, cloudflare, bosh, databricks, snow
  !sub !groups=apps,ssh,secrets,volumes,machine,machines,postgres,pg,db,projects,project,ips,certs
  !groups=domains,dns,env,sites,kv:key,kv:namespace,kv,r2,r2/bucket,r2/object,d1,queues
  !groups=pages,pages/deployment,secret,functions,migration,branches,branch,database
  !groups=password,org,storage,auth,hosting,firestore,addons,config,releases,scale,team
  !groups=token,service,variables,alias,rules,workflows,fs,jobs,clusters,workspace -a/--app=
  -r/--remote= -c/--config=read -t/--token= -s/--site= -p/--project= -o/--org= -e/--env= -y/--yes
  -f/--force --confirm= --prod -n/--name= -P= --scope= --profile= --region= -S= -b/--branch=
  --workspace= -d= -m= -q --linked --local --remote

heroku run, heroku run:detached, flyctl|fly ssh console, railway run|shell, vercel env
  !posix !act=clouds.run -a/--app= -s= -C/--command=away -e= -x --exit-code --no-tty --type= -r=
  --env= -q --size= -u= -p=

heroku pg:psql, heroku psql
  -a/--app= -c/--command=code : _*

turso db shell
  !act=databases.operand : _*

pscale shell
  !act=databases.sql --execute=code --org= : _*

wrangler d1 execute
  !act=clouds.d1 --command= --file=script -y/--yes -c/--config=read -e/--env= --persist-to=read

eb ssh
  -c/--command=away -n= -e= : _*

hf, huggingface-cli, kaggle, wandb, comet, neptune, clearml-data, clearml-task, zenml, bentoml,
cog, replicate, modal, beam, cerebrium, runpodctl, vastai, lambda-cloud, paperspace, gradient,
sky, anyscale, brev, mcli, dstack, lightning, openai, together, firectl, cohere, dvc, appcenter,
code-push, code-push-standalone, shorebird, capgo, app-store-connect, google-play, bitrise,
butler, steamcmd, rojo, mantle, tcli, chrome-webstore-upload, chrome-webstore-upload-cli, cws,
publish-browser-extension, msstore, wingetcreate, copr, copr-cli, osc, ovsx, vsce, web-ext, tfx,
circleci, bk, buildkite, drone, woodpecker-cli, travis, sem, harness, octopus, spinnaker, spin,
jenkins-cli, jenkins-jobs, concourse, jira, linear, notion, asana, trello, sf, sfdx, hs, gam, gyb,
m365, mgc, box, gdrive, gcalcli, todoist, zapier, n8n, mailchimp, postmark, resend, mailgun,
sendgrid, himalaya, plivo, vonage, nexmo, messagebird, mmctl, signal-cli, telegram-send,
telegram-cli, matrix-commander, toot, bsky, ntfy, apprise, slackcat, discord, gotify, pushover,
sendxmpp, go-sendxmpp, sendemail, s-nail, neomutt, mpack, mailsend, ssmtp, courier, unleash,
flagsmith, configcat, growthbook, statsig, flipt, optimizely, dnscontrol, octodns-sync, lexicon,
cli53, flarectl, gandi, namecheap, porkbun, godaddy, dnsimple, ns1, inwx, pdnsutil, knotc, cfcli,
akamai, fastly, bunny, temporal, tctl, zbctl, inngest, kestra, meltano, abctl, octavia, feast,
sqlmesh, dataform, dbt, ray, dask, yarn-app, balena, particle, hass-cli, ha, mender-cli,
arduino-cloud-cli, wp, drush, terminus, acli, platform, upsun, kinsta, plesk, uapi, whmapi1,
ghost, strapi, sanity, contentful, storyblok, prismic, webflow, wix, koyeb, scalingo, clever,
caprover, aptible, nctl, porter, northflank, qovery, zeet, zeabur, cyclic, deployctl, wasmer,
faas-cli, fn, render-cli, appwrite, nhost, fauna, grafbase, stytch, clerk, workos, confluent,
ccloud, aiven, avn, elastic, ecctl, redisctl, astra, xata, upstash, tinybird, tb, neon, newrelic,
pagerduty, pd, statuspage, opsgenie, grafanactl, grizzly, grr, yc, lightsail, metal, equinix,
triton, ovhcloud, stackit, nebius, cloudsmith, jf, jfrog, nexus3, packagecloud, quay, hub-tool,
gcrane, spacectl, tfe, tfc, akeyless, berglas, teller, bitcoin-cli, lncli, lightning-cli, cast,
solana, spl-token, anchor, near, aptos, sui, starkli, dfx, cardano-cli, stellar, octez-client,
electrum, monero-wallet-cli, geth, gaiad, fastboot, heimdall, edl, mtk, rkdeveloptool,
idevicerestore, ideviceinstaller, idevicebackup2, idevicediagnostics, cfgutil, pymobiledevice3,
ios-deploy, esptool, espefuse, idf.py, pio, platformio, arduino-cli, dfu-util, st-flash, openocd,
nrfjprog, nrfutil, pyocd, probe-rs, flashrom, picotool, fwupdmgr, racadm, xcode-select, fw_setenv,
scancel, scontrol, sacctmgr, squeue, sinfo, sacct, qdel, bkill, badmin, bstop, condor_rm,
condor_off, condor_drain, pbsnodes, oardel, flux-job, quarto, rsconnect, mike, ghp-import,
gh-pages, rdme, hexo, docusaurus, launchdarkly, ldcli, okta, auth0, twurl, slack, algolia,
datadog-ci, shopify, sentry-cli, stripe, twilio
  !valued !raw !act=clouds.phrase !like=@bare -y/--yes --public --private --live --cloud --workspace
  --push --execute --broadcast --prod --production --share --non-interactive --auto-submit --stop
  --cancel --doit --all-projects --allow-empty --immediate --wait --confirm --rm --down

hdfs, hadoop, mapred, qmod, qconf, qmgr, nvidia-smi, rocm-smi, avrdude, ipmitool
  !single !raw !act=clouds.phrase -c=

adb
  !raw !act=clouds.phrase -s= -t= -H= -P= -L= -d -e -a

terraform-docs, tflint
  -c=read : read*
"""
