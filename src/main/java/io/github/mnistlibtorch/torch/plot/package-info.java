/** A line chart as a PNG: the part of matplotlib that the article uses. */
@NullMarked
package io.github.mnistlibtorch.torch.plot;

import org.jspecify.annotations.NullMarked;
