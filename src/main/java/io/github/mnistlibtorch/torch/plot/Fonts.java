package io.github.mnistlibtorch.torch.plot;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Whether plots can be drawn: slim containers have no fonts, and some builds of Java lack a library or all of {@code java.desktop}. */
public final class Fonts {
    /** Why text cannot be drawn; empty if it can. */
    private static @Nullable String missing;

    private Fonts() {}

    /**
     * Tells whether an image with text can be drawn. Where it cannot, the person at the terminal is warned once, and an image of
     * an earlier run is removed. To be asked before any class that draws is used.
     *
     * @throws IOException if that image cannot be removed
     */
    public static boolean canDraw(Path png) throws IOException {
        String reason = missing();
        if (reason.isEmpty()) {
            return true;
        }
        Files.deleteIfExists(png);
        Warnings.warn("pictures with text are not drawn, as there are no fonts, or a part of this Java is missing ("
                + reason + "); install some, such as Debian's fontconfig and fonts-dejavu-core, and a complete Java");
        return false;
    }

    private static synchronized String missing() {
        if (missing == null) {
            try {
                Canvas.tryToDraw();
                missing = "";
            } catch (LinkageError | InternalError | RuntimeException e) { // whatever Java makes of it
                missing = LibTorch.firstLine(LibTorch.rootCause(e));
            }
        }
        return missing;
    }
}
