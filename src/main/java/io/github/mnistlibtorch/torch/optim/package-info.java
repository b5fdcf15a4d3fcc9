/** {@code torch.optim}: optimizers and their state. */
@NullMarked
package io.github.mnistlibtorch.torch.optim;

import org.jspecify.annotations.NullMarked;
