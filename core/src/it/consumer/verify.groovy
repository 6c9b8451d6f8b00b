// The consumer's own process must have answered.
def log = new File(basedir, 'build.log').text
assert log.contains('answer: The capital of France is Paris.')
