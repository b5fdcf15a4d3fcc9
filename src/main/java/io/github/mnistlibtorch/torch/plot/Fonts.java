package io.github.mnistlibtorch.torch.plot;

import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Warnings;
import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.awt.font.TextLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Whether text can be drawn: slim containers have no fonts, and some builds of Java lack a library. */
public final class Fonts {
    /** Why text cannot be drawn; empty if it can. */
    private static @Nullable String missing;

    private Fonts() {}

    /**
     * Tells whether an image with text can be drawn. Where it cannot, the person at the terminal is warned, and an image of an
     * earlier run is removed.
     *
     * @throws IOException if that image cannot be removed
     */
    public static boolean canDraw(Path png) throws IOException {
        String reason = missing();
        if (reason.isEmpty()) {
            return true;
        }
        Files.deleteIfExists(png);
        Warnings.warn("pictures with text are not drawn, as there are no fonts (" + reason
                + "); install some, such as Debian's fontconfig and fonts-dejavu-core, and a complete Java");
        return false;
    }

    private static synchronized String missing() {
        if (missing == null) {
            try {
                new TextLayout("0", new Font(Font.SANS_SERIF, Font.PLAIN, 9), new FontRenderContext(null, true, true));
                missing = "";
            } catch (LinkageError | InternalError | RuntimeException e) { // whatever Java makes of it
                missing = LibTorch.firstLine(LibTorch.rootCause(e));
            }
        }
        return missing;
    }
}
