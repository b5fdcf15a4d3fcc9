/** Start-up, memory scopes, random draws, numbers as Python prints them, and files that are whole or not there. */
@NullMarked
package io.github.mnistlibtorch.torch.runtime;

import org.jspecify.annotations.NullMarked;
