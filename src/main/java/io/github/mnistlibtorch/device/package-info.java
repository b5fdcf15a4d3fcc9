/** Choosing a device and moving data to it. */
@NullMarked
package io.github.mnistlibtorch.device;

import org.jspecify.annotations.NullMarked;
