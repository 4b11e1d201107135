#!/bin/bash
#SBATCH --partition={partition}
#SBATCH --time={runtime}
#SBATCH --mem={memory}
#SBATCH --output={homedir}/jupyter-%j.log
srun {cmd}
