#!/usr/bin/env bash
# An array of Slurm on a host of its own, which ends with it: slurm.sh UNPACKED FOLDER SCRIPT ARGUMENT...
# UNPACKED: what netns-scripts/fleet.sh unpacks. Logs and what tasks print lie in FOLDER.
set -euo pipefail
if [[ $1 != --inside ]]; then
    exec unshare --mount --net --pid --uts --ipc --fork --kill-child --mount-proc "$0" --inside "$@"
fi
unpacked=$2 folder=$3
shift 3
mount --make-rprivate /
hostname lab
# getaddrinfo(3) with AI_ADDRCONFIG does not count loopback addresses.
ip -batch - <<END
link set lo up
address add 192.0.2.1/24 dev lo
END
mkdir -p "$folder/over"
mount -t tmpfs tmpfs "$folder/over"
mkdir "$folder"/over/{etc,work,state,spool}
mount -t overlay overlay -o "lowerdir=$unpacked/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$folder/over/etc,workdir=$folder/over/work" /etc
mkdir -p /etc/slurm
printf '127.0.0.1 localhost\n192.0.2.1 lab\n' >/etc/hosts
cat >/etc/slurm/slurm.conf <<END
ClusterName=lab
SlurmctldHost=lab(192.0.2.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MailProg=/bin/true
StateSaveLocation=$folder/over/state
SlurmdSpoolDir=$folder/over/spool
SlurmctldPidFile=$folder/over/slurmctld.pid
SlurmdPidFile=$folder/over/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ReturnToService=2
NodeName=lab NodeAddr=192.0.2.1 CPUs=4 RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes=lab Default=YES MaxTime=5 State=UP
END
/usr/sbin/slurmctld
/usr/sbin/slurmd -N lab
cd "$folder"
sbatch --wait --output="$folder/task-%a.out" "$@"
