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

    /** From the top down; imports point down this list only. The root package holds the tutorial and {@code Main}. */
    private static final List<String> PACKAGES = List.of(
            ROOT + ".cli",
            ROOT + ".parity",
            ROOT + ".run",
            ROOT,
            ROOT + ".plot",
            ROOT + ".distributed",
            ROOT + ".train",
            ROOT + ".model",
            ROOT + ".device",
            ROOT + ".vision",
            ROOT + ".data",
            ROOT + ".io",
            ROOT + ".libtorch");

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
        // Main starts the command line: the one arrow that has to point up.
        noClasses()
                .that()
                .resideInAPackage(lower)
                .and()
                .doNotHaveFullyQualifiedName(ROOT + ".Main")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(above.toArray(String[]::new))
                .allowEmptyShould(above.isEmpty())
                .check(CLASSES);
    }

    @Test
    void modelAndDeviceDoNotKnowEachOther() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".model")
                .should()
                .dependOnClassesThat()
                .resideInAPackage(ROOT + ".device")
                .check(CLASSES);
    }

    /**
     * What leaves the machine, or comes into it, goes through the download; {@code serve} answers who asks. Processes that
     * train together talk through LibTorch; only the address is looked up in Java.
     */
    @Test
    void onlyTheDownloadTheServerAndTheRendezvousUseTheNetwork() {
        String download = ROOT + ".vision.MnistDownload";
        String server = ROOT + ".cli.(DigitServer|ServeCommand)";
        String rendezvous = ROOT + ".distributed.Rendezvous";
        String jarUrls = ROOT + ".libtorch.NativeLibraries"; // finds the libraries in the jar
        noClasses()
                .that()
                .haveNameNotMatching(Pattern.quote(download) + ".*|" + server + ".*|" + rendezvous + "|"
                        + Pattern.quote(jarUrls) + ".*")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.net..", "javax.net..", "java.rmi..", "com.sun.net..")
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
                .haveNameNotMatching(Pattern.quote(ROOT) + "\\.(libtorch\\.PythonTorch|cli\\.PythonArticle)")
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
