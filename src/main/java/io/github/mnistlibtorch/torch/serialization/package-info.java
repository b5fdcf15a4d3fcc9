/** State dicts as files: {@code torch.save} and {@code torch.load}, and safetensors. */
@NullMarked
package io.github.mnistlibtorch.torch.serialization;

import org.jspecify.annotations.NullMarked;
