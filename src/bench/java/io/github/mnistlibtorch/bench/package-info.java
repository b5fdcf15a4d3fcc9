/** Benchmarks: whole programs against each other, growing sizes, and the parts. */
@NullMarked
package io.github.mnistlibtorch.bench;

import org.jspecify.annotations.NullMarked;
