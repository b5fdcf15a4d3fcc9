/**
 * Several processes, on one machine or on many, that train one model: {@code torch.distributed}, on PyTorch's own c10d.
 *
 * <p>The processes find each other as in Python's {@code init_process_group("gloo")}, under the same keys of the same
 * store; a process in Python can be one of them.
 */
@NullMarked
package io.github.mnistlibtorch.torch.distributed;

import org.jspecify.annotations.NullMarked;
