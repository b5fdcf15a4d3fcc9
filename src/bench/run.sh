#!/usr/bin/env bash
# This program against its peers: the same training in C++ and in Python, same data, same seed, same numbers; this program on
# the LibTorch of its jar, and on the one that C++ and Python run on.
#
#   src/bench/run.sh [ROUNDS [NOTEBOOK_ROUNDS]]        5 and 2 unless they are given; Linux, after mvn package
#
# The programs run in turns. Two Markdown tables say what each takes, and the first one's share of it: medians of the rounds, in
# parentheses the least and the most. Peers need PYTHON_WITH_TORCH, the path of a Python with torch. Those that cannot run
# here are left out, and a line says what to install. The article itself takes minutes in Python and gets fewer rounds.
#
# BENCH_KERNELS=avx2 holds all of them to the kernels of a processor without AVX-512.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
notebook_rounds=${2:-$((rounds < 2 ? rounds : 2))}
data=target/bench/MNIST/raw
source src/bench/java.sh

programs=()
add() { programs+=(-- "$@"); }

# Compiles $1 against the torch of $python, unless that has been done.
compile() {
    local torch
    [ "$1" -nt src/bench/cpp/train.cpp ] && return
    torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
    echo "compiling $1" >&2
    "${CXX:-c++}" -std=c++20 -O3 -march=native src/bench/cpp/train.cpp -o "$1" \
        -I"$torch/include" -I"$torch/include/torch/csrc/api/include" \
        -L"$torch/lib" -Wl,-rpath,"$torch/lib" -ltorch -ltorch_cpu -lc10
}

mkdir -p "$data"
for file in src/main/resources/mnist/*.gz; do
    gunzip -c "$file" >"$data/$(basename "$file" .gz)"
done
bench Machine

python=${PYTHON_WITH_TORCH:-}
facts='import torch; print(torch.__version__, "MKL" if torch.backends.mkl.is_available() else "no MKL",
    torch.backends.cpu.get_cpu_capability())'
bundled=("Java, bundled LibTorch" "$rounds" java -jar "$jar" train --libtorch bundled --out target/bench/run)
if [ -z "$python" ] || ! read -r version blas capability < <(env ${BENCH_KERNELS:+ATEN_CPU_CAPABILITY=avx2} "$python" -c "$facts" 2>/dev/null); then
    add "${bundled[@]}"
    echo "- left out, Python's LibTorch, C++ and Python: pip install torch torchvision numpy, and set PYTHON_WITH_TORCH to that Python"
else
    echo "- C++ and Python: torch $version, $blas, ATen's kernels $capability"
    export LIBTORCH_PYTHON=$python
    if java -jar "$jar" info --libtorch python >/dev/null 2>&1; then
        add "Java, Python's LibTorch" "$rounds" java -jar "$jar" train --libtorch python --out target/bench/run
        add "Java, Python's LibTorch, -XX:+UseSerialGC -Xmx64m" "$rounds" \
            java -XX:+UseSerialGC -Xmx64m -jar "$jar" train --libtorch python --out target/bench/run
    else
        echo "- left out, Java on Python's LibTorch: $(java -jar "$jar" info --libtorch python 2>&1 | tail -n 1)"
    fi
    add "${bundled[@]}"
    program=target/bench/train-$version
    if ! command -v "${CXX:-c++}" >/dev/null; then
        echo "- left out, C++: install a compiler, g++ 11 or later"
    elif ! compile "$program"; then
        echo "- left out, C++: train.cpp does not compile here; install g++ 11 or later, and a torch with its headers"
    else
        add "C++" "$rounds" "$program" "$data"
    fi
    add "Python, tensors in memory" "$rounds" "$python" src/bench/python/fastest.py "$data"
    if ! (cd notebooks-reference && "$python" -c 'import article') 2>/dev/null; then
        echo "- left out, the article in Python: $python -m pip install torchvision numpy"
    elif [ "$notebook_rounds" -gt 0 ]; then
        echo "- The article in Python loads in four processes; the memory of these is not counted"
        add "Python, the article" "$notebook_rounds" "$python" src/bench/python/notebook.py target/bench
    fi
fi
bench Compare "${programs[@]}"
