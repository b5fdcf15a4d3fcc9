package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.predict.DigitServer;
import io.github.mnistlibtorch.app.predict.DrawingFolder;
import io.github.mnistlibtorch.app.predict.TrainingMonitor;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code serve}: a page to draw a digit on. */
@Command(
        name = "serve",
        description = "Open a page to draw a digit on, and see what the network makes of it while you draw.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  mnist-libtorch serve",
            "  mnist-libtorch serve --model wide/model.pt --port 9000",
            "  mnist-libtorch serve --save-drawings drawings"
        })
final class ServeCommand implements Callable<Integer> {
    /** Unless another is asked for. */
    static final String PORT = "8080";

    private static final int LARGEST_PORT = 65_535;

    @Mixin
    private ModelOption modelOption = new ModelOption();

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = PORT,
            description = "Port to listen at; 0 for any that is free. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--host",
            paramLabel = "NAME",
            defaultValue = "127.0.0.1",
            description = "Address to listen at. Default: ${DEFAULT-VALUE}, which this machine alone can reach; 0.0.0.0"
                    + " lets every other one in, without a password.")
    private String host = "";

    @Option(
            names = "--save-drawings",
            paramLabel = "DIR",
            description = "Let whoever draws say what it was, and save the drawing in DIR as PNG, in a folder for each"
                    + " class, as train --data DIR --image-size 28 reads them. Nothing is saved without it.")
    private @Nullable Path drawings;

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Override
    public Integer call() throws IOException {
        requirePort(port);
        address(host);
        DrawingFolder folder = drawings == null ? null : new DrawingFolder(drawings);
        Device device = deviceOption.start();
        MnistModels.Saved model = modelOption.load(device);
        try (ImageClassificationBase network = model.network()) {
            serve(model, device, folder);
        }
        return 0;
    }

    private static void requirePort(int port) throws InputException {
        if (port < 0 || port > LARGEST_PORT) {
            throw new InputException("--port " + port + " is none; choose one from 1 to " + LARGEST_PORT);
        }
    }

    private void serve(MnistModels.Saved model, Device device, @Nullable DrawingFolder folder) throws IOException {
        try (DigitServer server = listen(host, port, folder, /* monitor= */ null)) {
            server.serve(model, device);
            // Ctrl-C ends the process when its hooks have ended.
            Runtime.getRuntime().addShutdownHook(new Thread(server::close));
            System.out.println("Draw a digit at " + url(host, server) + " (Ctrl-C ends)");
            System.out.flush();
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Opens the page.
     *
     * @param drawings where labelled drawings are saved; {@code null} if they are not
     * @param monitor of a training that the page shows; {@code null} if there is none
     * @throws InputException if there is no such address, or it cannot be listened at
     */
    static DigitServer listen(
            String host, int port, @Nullable DrawingFolder drawings, @Nullable TrainingMonitor monitor)
            throws InputException {
        requirePort(port);
        try {
            return new DigitServer(address(host), host, port, drawings, monitor);
        } catch (InputException e) {
            throw e;
        } catch (IOException e) {
            throw new InputException(
                    "cannot listen at " + host + ":" + port + " (" + LibTorch.firstLine(e) + "); choose another --port",
                    e);
        }
    }

    /** What to open in a browser. */
    static String url(String host, DigitServer server) throws InputException {
        InetAddress address = address(host);
        // Every address is one to listen at, but none to open in a browser.
        String name = host.isEmpty() ? address.getHostAddress() : host;
        String shown = address.isAnyLocalAddress() ? "127.0.0.1" : name.contains(":") ? "[" + name + "]" : name;
        return "http://" + shown + ":" + server.port() + "/";
    }

    private static InetAddress address(String host) throws InputException {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new InputException("there is no address " + host + "; choose another --host", e);
        }
    }
}
