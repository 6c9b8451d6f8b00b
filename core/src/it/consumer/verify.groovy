// The consumer's own processes must have answered: on the class path, and as a fat jar.
def log = new File(basedir, 'build.log').text
assert log.count('answer: The capital of France is Paris.') == 2
// Native access was given, to the fat jar by its manifest.
assert !log.contains('restricted method')
