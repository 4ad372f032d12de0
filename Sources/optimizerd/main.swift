print("optimizerd")
