/** Files: whole or not at all; state dicts in the {@code .pt} and the safetensors format. */
@NullMarked
package io.github.mnistlibtorch.io;

import org.jspecify.annotations.NullMarked;
