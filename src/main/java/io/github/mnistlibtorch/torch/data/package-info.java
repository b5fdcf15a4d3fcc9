/** {@code torch.utils.data} for the JVM: datasets, splits, samplers and the data loader. */
@NullMarked
package io.github.mnistlibtorch.torch.data;

import org.jspecify.annotations.NullMarked;
