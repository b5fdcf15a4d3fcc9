package io.github.mnistlibtorch.app.cli;

import io.github.mnistlibtorch.torch.runtime.Environment;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** {@code info}: what this program runs on. */
@Command(
        name = "info",
        description = "Print versions, CPU capability, BLAS, threads and device.",
        footerHeading = "%nExamples:%n",
        footer = {"  mnist-libtorch info", "  mnist-libtorch info --json"})
final class InfoCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print a JSON object, for programs.")
    private boolean json;

    @Override
    public Integer call() {
        LibTorch.start(System.err::println);
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("mnist_libtorch", CommandLineInterface.Version.number());
        facts.putAll(Environment.describe());
        facts.put("default_device", DeviceOption.best(LibTorch.cuda()));
        if (json) {
            System.out.println(JsonMapper.builder()
                    .enable(SerializationFeature.INDENT_OUTPUT)
                    .build()
                    .writeValueAsString(facts));
        } else {
            facts.forEach((name, value) -> System.out.println(name + ": " + value));
        }
        return 0;
    }
}
