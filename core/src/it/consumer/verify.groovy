// The consumer's own processes must have answered: on the class path, and as a fat jar.
def log = new File(basedir, 'build.log').text
assert log.count('answer: The capital of France is Paris.') == 2
// Native access was given, to the fat jar by its manifest.
assert !log.contains('restricted method')

// One dependency brought the libraries of this platform, and no others.
def natives = (log =~ /bigllama-native-[^:\/]+\.jar/).collect { it }.unique()
assert natives.size() == 1
assert natives[0] ==~ /bigllama-native-.+-(linux-x86_64|linux-aarch64|macos-arm64)\.jar/
