// The module's own process must have answered.
def log = new File(basedir, 'build.log').text
assert log.contains('io.github.bigllama.core: The capital of France is Paris.')
// Native access was given.
assert !log.contains('restricted method')
