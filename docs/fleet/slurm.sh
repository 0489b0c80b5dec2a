#!/bin/sh
# One list in eight parts: sbatch slurm.sh LIST RESULTS
# The program on the nodes needs its capability: setcap cap_net_raw+ep /usr/local/bin/pmtu-probe
#SBATCH --job-name=pmtu-probe
#SBATCH --array=0-7
#SBATCH --ntasks=1
#SBATCH --mem=256M
list=$1
results=$2/part-$SLURM_ARRAY_TASK_ID.jsonl
pmtu-probe --targets "$list" --shard auto --jsonl "$results" --resume "$results"
# A hole is a result, no failure of the task.
[ $? -le 2 ]
