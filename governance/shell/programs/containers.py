"""
Containers, clusters and virtual machines.
"""

from __future__ import annotations

from typing import Final

TABLE: Final = """
@run
  !posix !act=containers.run -a/--attach= --add-host= --annotation= --blkio-weight= --cap-add=
  --cap-drop= --cgroup-parent= --cgroupns= --cidfile=write --cpu-period= --cpu-quota=
  -c/--cpu-shares= --cpus= --cpuset-cpus= --detach-keys= --device= --device-cgroup-rule= --dns=
  --dns-option= --dns-search= --domainname= --entrypoint= -e/--env= --env-file=read --env-host
  --expose= --gpus= --group-add= --health-cmd= --health-interval= --health-retries=
  --health-timeout= -h/--hostname= --ip= --ip6= --ipc= --isolation= --kernel-memory= -l/--label=
  --label-file=read --link= --log-driver= --log-opt= --mac-address= -m/--memory= --memory-swap=
  --mount= --name= --network/--net= --network-alias= --oom-score-adj= --pid= --pids-limit=
  --platform= -p/--publish= --pull= --restart= --runtime= --security-opt= --shm-size=
  --stop-signal= --stop-timeout= --storage-opt= --sysctl= --tmpfs= --ulimit= -u/--user= --userns=
  --uts= -v/--volume= --volume-driver= --volumes-from= -w/--workdir= --arch= --pod= --secret=
  --replace --systemd= --rootfs --tz= --umask= --variant= -d/--detach --init -i/--interactive
  -t/--tty --rm -P/--publish-all --privileged --read-only --no-healthcheck --oom-kill-disable
  --sig-proxy --disable-content-trust -q/--quiet

@exec
  !posix !act=containers.execute -d/--detach --detach-keys= -e/--env= --env-file=read
  -i/--interactive -t/--tty -u/--user= -w/--workdir= --privileged -l/--latest -T/--no-TTY --index=

@docker
  !sub !groups=container,image,volume,network,system,compose,buildx,context,plugin,secret
  !groups=config,node,service,stack,swarm,manifest,trust,builder,pod,machine,kube,play
  !groups=generate,scout,buildx/imagetools,model,mcp --config=read -c/--context= -D/--debug
  -H/--host= -l/--log-level= --tls --tlscacert=read --tlscert=read --tlskey=read --tlsverify -v
  --log-level= -n/--namespace= --root= --runroot= --url= --connection= -r/--remote --identity=read

@compose
  -f/--file=read -p/--project-name= --profile= --env-file=read --project-directory=cwd --parallel=
  --progress= --ansi= --compatibility --dry-run --all-resources

@kubectl
  -n/--namespace= --context= --cluster= --kubeconfig=read --user= --as= --as-group= --token=
  -s/--server=url --certificate-authority=read --client-certificate=read --client-key=read
  --request-timeout= --tls-server-name= -v/--v= --cache-dir= --insecure-skip-tls-verify --password=
  --username= --field-manager= --log-flush-frequency= --profile= --warnings-as-errors
  -f/--filename=read -k/--kustomize=read -l/--selector= --field-selector= -o/--output=
  -A/--all-namespaces -R/--recursive -c/--container= --type= --sort-by= --template=
  -L/--label-columns= --dry-run? --force --grace-period= --now --wait? --timeout= --all --cascade?
  --ignore-not-found -w/--watch --watch-only --show-labels --raw= --replicas= -p/--patch=
  --patch-file=read --subresource= --overwrite --prune --server-side --force-conflicts --validate?
  --record --local --image= --port= --target-port= --name= --protocol= --env= --labels= --restart=
  --overrides= --from-file= --from-literal= --from-env-file=read --cert=read --key=read
  --clusterrole= --role= --serviceaccount= --group= --verb= --resource= --resource-name= --rule=
  --class= --schedule= --docker-server=host --docker-username= --docker-password= --docker-email=
  --since= --tail= --previous --follow --timestamps --prefix --max-log-requests= --limit-bytes=
  --address= -i/--stdin -t/--tty --rm --attach --command -q/--quiet --expose --leave-stdin-open
  --pod-running-timeout= --to-revision= --revision= --delete-emptydir-data --delete-local-data
  --ignore-daemonsets --disable-eviction --pod-selector= --skip-wait-for-delete-timeout= --min=
  --max= --cpu-percent= --target= --copy-to= --share-processes --arguments-only --retries=
  --no-preserve --dest=

docker, podman
  !like=@docker

docker|podman run|create, docker|podman container run|create
  !like=@run

docker|podman exec, docker|podman container exec
  !like=@exec

docker|podman compose
  !like=@compose

docker-compose, podman-compose
  !sub !like=@compose

docker|podman compose exec, docker-compose|podman-compose exec
  !like=@exec

docker|podman compose run, docker-compose|podman-compose run
  !posix !act=containers.run -d/--detach -e/--env= --env-from-file=read --entrypoint= -i
  -l/--label= --name= -T/--no-TTY --no-deps -p/--publish= -q --rm --service-ports --use-aliases
  -u/--user= -v/--volume= -w/--workdir= --build --cap-add= --cap-drop= --pull= --quiet-pull
  --remove-orphans -P

docker|podman compose up|down|start|stop|restart|kill|pull|push|build|logs|ps|config,
docker-compose|podman-compose up|down|start|stop|restart|kill|pull,
docker-compose|podman-compose push|build|logs|ps|config
  -d/--detach -v/--volumes --rmi= --remove-orphans -t/--timeout= --scale= --build --force-recreate
  -f/--force -s/--signal= --no-deps --no-cache --pull --build-arg= -q --wait --no-start --tail= -n=
  --follow --since= --until= -a --format= --services --exit-code-from= --abort-on-container-exit

docker|podman compose rm, docker-compose|podman-compose rm
  -f/--force -s/--stop -v/--volumes

docker|podman build, docker|podman image build, docker buildx build, docker builder build,
buildah bud|build
  !act=containers.build -f/--file=read -t/--tag= --build-arg= --build-context= --cache-from=
  --cache-to= --target= --platform= -o/--output= --iidfile=write --label= --network= --progress=
  --secret= --ssh= --add-host= --memory= --shm-size= --ulimit= --metadata-file=write --no-cache
  --pull --push --load -q/--quiet --rm --force-rm --squash --allow= --builder= --provenance=
  --sbom= --no-cache-filter= --attest= --cgroup-parent=

docker|podman cp, docker|podman container cp
  !act=containers.copy -a/--archive -L/--follow-link -q/--quiet

docker|podman rm|rmi|kill|stop|start|restart|pause|unpause|prune,
docker|podman container rm|kill|stop|start|restart|prune, docker|podman image rm|prune,
docker|podman volume rm|prune, docker|podman network rm|prune, docker|podman system prune|reset,
docker|podman builder prune
  -f/--force -v/--volumes -l/--link -a/--all --filter= -s/--signal= -t/--time/--timeout=
  --keep-storage= --no-prune -i -c --cidfile=read --depend --build

docker|podman save|export
  -o/--output=write --format= -q -m

docker|podman image save, docker|podman container export
  -o/--output=write --format= -q

docker|podman load|import, docker|podman image load|import
  !act=containers.imported -i/--input=read -q --platform= -c/--change= -m/--message=

docker|podman login|logout
  -u/--username= -p/--password= --password-stdin --authfile=both --get-login --tls-verify -v
  -a/--all : host

docker|podman push|pull, docker|podman image push|pull
  !act=containers.image -a/--all-tags --disable-content-trust -q --platform= --creds=
  --authfile=read --tls-verify? --cert-dir=read

docker|podman stack deploy
  -c/--compose-file=read --prune --with-registry-auth -d -q --resolve-image= : _*

docker|podman secret|config create
  -l/--label= -d= --template-driver= : _ read

podman kube|play play|kube
  --configmap=read --network= --down --replace --log-driver= : read*

podman unshare
  !posix --rootless-netns : argv

podman machine ssh
  !posix !act=wrapping.remote_words --username=

buildah, skopeo, crane, oras, regctl, ctr, crictl, img, kaniko, lxc, lxc-attach, incus, multipass
  !sub !groups=images,containers,tasks,image,config,network,storage,profile -n/--namespace=
  -a/--address= --src-creds= --dest-creds= --creds= --authfile=read --tls-verify? -t= -f -q

lxc|incus exec, multipass exec, crictl exec, ctr exec
  !posix !act=containers.execute -T -t -i --cwd= --env= --user= --mode= -n -d= --working-directory=

toolbox, distrobox, distrobox-enter
  !posix !act=wrapping.behind -c= -n/--name= -a= -e

kubectl, oc, microk8s.kubectl
  !sub
  !groups=config,rollout,set,auth,certificate,top,cluster-info,plugin,krew,adm,adm/policy,alpha
  !like=@kubectl

kubectl|oc exec|rsh
  !posix !act=containers.cluster_exec

kubectl|oc run
  !posix !act=containers.cluster_run

kubectl|oc debug
  !act=containers.cluster_debug

kubectl|oc cp|rsync
  !act=containers.copy --no-preserve --retries=

kubectl|oc apply|create|replace
  !act=containers.cluster_input

kubectl|oc edit
  !act=editing.plain

kubectl|oc logs|attach
  -f/--follow -p/--previous

kubectl|oc patch
  -p/--patch= --type= --patch-file=read

kubectl|oc kustomize|diff
  : read*

helm
  !sub !groups=repo,plugin,registry,dependency,get,search,show -n/--namespace= --kube-context=
  --kubeconfig=read --kube-token= --kube-apiserver=url -f/--values=read --set= --set-string=
  --set-file= --set-json= --version= --repo=url --username= --password= --ca-file=read
  --cert-file=read --key-file=read --timeout= -o/--output= --post-renderer=argv --wait --atomic
  --force --dry-run? --debug -i/--install --create-namespace --cleanup-on-fail --reuse-values
  --history-max= --keep-history --no-hooks -d/--destination=write -a -A -l= --burst-limit=
  --registry-config=read

helm repo add|remove|update|list
  : _ url

helm install|upgrade|template
  : _ _*

helmfile, kustomize, skaffold, tilt, argocd, flux, istioctl, linkerd, kubeadm, k9s, kubectx,
kubens, stern, velero, minikube, kind, k3d, k3s, eksctl, kops, rancher, talosctl, clusterctl,
devspace
  !sub !groups=app,cluster,proj,create,delete,get,backup,restore,schedule,edit,secret,node
  !groups=image,repo,account -f/--file/--filename=read -n/--namespace= -c/--config=read
  --kubeconfig=read --context= --name= -o= -e/--environment= -p/--profile= -y/--yes --server=host
  -l= --selector= --cluster= --region=

minikube ssh
  !posix !act=wrapping.remote_words -n= --native-ssh

k3s kubectl, minikube kubectl
  !act=containers.kubectl

vagrant
  !sub

vagrant ssh
  -c/--command=away --no-tty -p -t= : _*

vagrant destroy|up|halt|reload|suspend|provision
  -f/--force --provider= --provision -g --parallel

packer
  !sub -var= -var-file=read -force -only= -except= -on-error=

virsh, virt-install, VBoxManage, vboxmanage, vmrun, prlctl, qm, pct, govc, tart, orb, limactl,
singularity, apptainer
  !sub

singularity|apptainer exec|run|shell
  !posix -B/--bind= -H/--home= -W/--workdir= -w/--writable -c/--contain -C/--containall
  -e/--cleanenv --nv --env= --pwd=cwd --overlay= : _ argv

colima ssh
  !posix !act=wrapping.away --layer=

colima
  !sub -c/--connect=url -q

limactl shell
  !posix !act=containers.execute -m= --workdir=

qemu-system-x86_64, qemu-system-aarch64, qemu-img, kvm, qemu-nbd
  !single -hda=both -hdb=both -cdrom=read -drive= -kernel=read -initrd=read -append= -m= -smp=
  -net= -netdev= -device= -f= -O= -o= -c=both : both*

terraform, terragrunt
  !single !sub !groups=state,workspace,providers,run-all,metadata,stack,run -chdir=cwd -var=
  -var-file=read -state=both -state-out=write -backup=write -out=write -target= -replace= -lock=
  -lock-timeout= -parallelism= -refresh= -input= -backend-config= -plugin-dir= -from-module=url
  -lockfile= -auto-approve -destroy -force -json -no-color -compact-warnings -reconfigure
  -migrate-state -upgrade -refresh-only -detailed-exitcode --terragrunt-working-dir=cwd
  --terragrunt-config=read --working-dir=cwd

terraform apply|plan|destroy|import
  : read*

pulumi, cdk, cdktf, sam, sls, serverless, amplify, copilot, sst, crossplane, infracost
  !sub !groups=stack,config,state,plugin,org,local,policy -s/--stack= -C/--cwd=cwd --profile=
  --region= --stage= -y/--yes -f/--skip-preview --force --config-file=read --app=shell -o/--output=
  --require-approval= -t/--target= --template=read --template-file=read --stack-name= --context=
  -c=

srun, salloc
  !posix -n/--ntasks= -N/--nodes= -p/--partition= -t/--time= -A/--account= -c/--cpus-per-task=
  --gres= --gpus= --mem= --mem-per-cpu= -w/--nodelist= -x/--exclude= -J/--job-name= -o/--output=
  -e/--error= -q/--qos= -C/--constraint= -D/--chdir=cwd --jobid= --export= --mail-user= --pty
  --exclusive --overlap : argv

bsub
  !posix -n= -q= -o= -e= -J= -W= -M= -R= -P= -I -Is -K : argv

sbatch, qsub
  !posix !act=containers.batch --wrap=shell -n/--ntasks= -N/--nodes= -p/--partition= -t/--time=
  -A/--account= -c/--cpus-per-task= --gres= --gpus= --mem= -a/--array= -d/--dependency=
  -b/--begin= -J/--job-name= -o/--output= -e/--error= -q/--qos= -D/--chdir=cwd -l= -pe=_,_
  --test-only --parsable --wait

inspec, tfsec, trivy, grype, syft, snyk, checkov, kube-bench, hadolint, dive, cosign, notation,
slsa-verifier
  !sub -f= -o/--output=write -s= -q --config=read
"""
