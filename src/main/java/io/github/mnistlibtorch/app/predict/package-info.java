/** Reading digits from pictures, and the page on which one is drawn. */
@NullMarked
package io.github.mnistlibtorch.app.predict;

import org.jspecify.annotations.NullMarked;
