package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.app.predict.DigitServer;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.bytedeco.pytorch.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code serve}: a page to draw a digit on. */
@Command(
        name = "serve",
        description = "Open a page to draw a digit on, and see what the network makes of it while you draw.",
        footerHeading = "%nExamples:%n",
        footer = {"  mnist-libtorch serve", "  mnist-libtorch serve --model wide/model.pt --port 9000"})
final class ServeCommand implements Callable<Integer> {
    private static final int LARGEST_PORT = 65_535;

    @Mixin
    private ModelOption modelOption = new ModelOption();

    @Option(
            names = "--port",
            paramLabel = "N",
            defaultValue = "8080",
            description = "Port to listen at; 0 for any that is free. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--host",
            paramLabel = "NAME",
            defaultValue = "127.0.0.1",
            description = "Address to listen at. Default: ${DEFAULT-VALUE}, which this machine alone can reach; 0.0.0.0"
                    + " lets every other one in, without a password.")
    private String host = "";

    @Mixin
    private DeviceOption deviceOption = new DeviceOption();

    @Override
    public Integer call() throws IOException {
        if (port < 0 || port > LARGEST_PORT) {
            throw new InputException("--port " + port + " is none; choose one from 1 to " + LARGEST_PORT);
        }
        InetAddress address = address();
        Device device = deviceOption.start();
        MnistModels.Saved model = modelOption.load(device);
        try (ImageClassificationBase network = model.network()) {
            serve(model, device, address);
        }
        return 0;
    }

    private void serve(MnistModels.Saved model, Device device, InetAddress address) throws IOException {
        try (DigitServer server = listen(model, device, address)) {
            // Ctrl-C ends the process when its hooks have ended.
            Runtime.getRuntime().addShutdownHook(new Thread(server::close));
            // Every address is one to listen at, but none to open in a browser.
            String name = host.isEmpty() ? address.getHostAddress() : host;
            String shown = address.isAnyLocalAddress() ? "127.0.0.1" : name.contains(":") ? "[" + name + "]" : name;
            System.out.println("Draw a digit at http://" + shown + ":" + server.port() + "/ (Ctrl-C ends)");
            System.out.flush();
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private DigitServer listen(MnistModels.Saved model, Device device, InetAddress address) throws InputException {
        try {
            return new DigitServer(model, device, address, host, port);
        } catch (IOException e) {
            throw new InputException(
                    "cannot listen at " + host + ":" + port + " (" + LibTorch.firstLine(e) + "); choose another --port",
                    e);
        }
    }

    private InetAddress address() throws InputException {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new InputException("there is no address " + host + "; choose another --host", e);
        }
    }
}
