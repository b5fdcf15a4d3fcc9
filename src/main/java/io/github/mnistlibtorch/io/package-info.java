/** Files: whole or not at all; the safetensors format. */
@NullMarked
package io.github.mnistlibtorch.io;

import org.jspecify.annotations.NullMarked;
