package io.github.mnistlibtorch;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ArchitectureTest {
    private static final String ROOT = "io.github.mnistlibtorch";

    /** From the top down; imports point down this list only. */
    private static final List<String> PACKAGES = List.of(
            ROOT,
            ROOT + ".app.cli",
            ROOT + ".app.report",
            ROOT + ".app.predict",
            ROOT + ".app.parity.fork",
            ROOT + ".app.parity",
            ROOT + ".app.run",
            ROOT + ".tutorial.listeners",
            ROOT + ".tutorial",
            ROOT + ".torch.plot",
            ROOT + ".torch.vision",
            ROOT + ".torch.distributed",
            ROOT + ".torch.data",
            ROOT + ".torch.optim",
            ROOT + ".torch.serialization",
            ROOT + ".torch.runtime");

    /** None of these knows another one. */
    private static final List<List<String>> SIBLINGS = List.of(
            List.of(ROOT + ".app.report", ROOT + ".app.predict", ROOT + ".app.parity.."),
            List.of(ROOT + ".torch.data", ROOT + ".torch.optim", ROOT + ".torch.serialization"),
            List.of(ROOT + ".torch.vision", ROOT + ".torch.distributed"));

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);

    static List<String> packages() {
        return PACKAGES;
    }

    @ParameterizedTest
    @MethodSource("packages")
    void packageImportsNothingAboveIt(String lower) {
        List<String> above = new ArrayList<>(PACKAGES.subList(0, PACKAGES.indexOf(lower)));
        noClasses()
                .that()
                .resideInAPackage(lower)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(above.toArray(String[]::new))
                .allowEmptyShould(above.isEmpty())
                .check(CLASSES);
    }

    static List<List<String>> siblings() {
        return SIBLINGS;
    }

    @ParameterizedTest
    @MethodSource("siblings")
    void siblingsDoNotKnowEachOther(List<String> siblings) {
        for (String one : siblings) {
            List<String> others = new ArrayList<>(siblings);
            others.remove(one);
            noClasses()
                    .that()
                    .resideInAPackage(one)
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(others.toArray(String[]::new))
                    .check(CLASSES);
        }
    }

    /**
     * What leaves the machine, or comes into it, goes through the download; {@code serve} answers who asks. Processes that
     * train together talk through LibTorch; in Java, they ask who is there, and say why one goes.
     */
    @Test
    void onlyTheDownloadTheServerAndTheDistributedEnvironmentUseTheNetwork() {
        String download = ROOT + ".torch.vision.MnistDownload";
        String server =
                ROOT + ".app.(predict.(DigitServer|EventStreams|HostCheck|Reply|RequestHandler)|cli.ServeCommand)";
        String environment = ROOT + ".torch.distributed.(DistributedEnvironment|StoreProbe|RankMonitor)";
        String jarUrls = ROOT + ".torch.runtime.NativeLibraries"; // finds the libraries in the jar
        noClasses()
                .that()
                .haveNameNotMatching(Pattern.quote(download) + ".*|" + server + ".*|" + environment + ".*|"
                        + Pattern.quote(jarUrls) + ".*")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.net..", "javax.net..", "java.rmi..", "com.sun.net..", "io.netty..")
                .orShould()
                .dependOnClassesThat()
                .haveNameMatching("java\\.nio\\.channels\\.(Asynchronous)?(Server)?(Socket|Datagram)Channel")
                .check(CLASSES);
        noClasses()
                .that()
                .haveNameMatching(Pattern.quote(jarUrls) + ".*")
                .should()
                .dependOnClassesThat()
                .haveNameMatching("java\\.net\\.(.*Socket.*|Http.*|Inet.*)|java\\.net\\.http\\..*")
                .check(CLASSES);
    }

    /** Files are data: no objects are made of what they name, and no program is started but the Python that a user names. */
    @Test
    void nothingIsDeserializedOrExecuted() {
        noClasses()
                .that()
                .haveNameNotMatching(
                        Pattern.quote(ROOT) + "\\.(torch\\.runtime\\.PythonTorch|app\\.parity\\.PythonArticle)")
                .should()
                .dependOnClassesThat()
                .haveNameMatching("java\\.lang\\.ProcessBuilder.*")
                .check(CLASSES);
        noClasses()
                .should()
                .dependOnClassesThat()
                .haveNameMatching("java\\.io\\.ObjectInput.*|java\\.beans\\..*|javax\\.script\\..*"
                        // LibTorch's own readers of pickles and programs
                        + "|org\\.bytedeco\\.pytorch\\.(Jit.*|Unpickler|PyTorchStreamReader|InputArchive)")
                .orShould()
                .callMethodWhere(target(owner(type(Runtime.class))).and(target(name("exec"))))
                .check(CLASSES);
    }

    @Test
    void everyPackageIsOnTheList() {
        assertThat(CLASSES.stream().map(type -> type.getPackageName()).distinct())
                .containsExactlyInAnyOrderElementsOf(PACKAGES);
    }
}
